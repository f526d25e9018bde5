//! What Kafka's keys do in a run, by the code that reads them.

use broker_model::config::{BrokerConfig, Modelled, TopicConfig};
use scenarios::kafka_keys::{read_by_language, reserved};
use scenarios::model::Scope;

use crate::client::setting::{Setting, without_effect};
use crate::client::{admin, consumer, producer};

/// What becomes of a key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Effect {
    /// It is read.
    Modelled {
        /// By which field.
        read: String,
        /// What it does.
        about: String,
    },
    /// A scenario may set it, and nothing comes of it.
    None {
        /// Why.
        why: &'static str,
    },
    /// A scenario may not set it.
    Reserved {
        /// What to do instead.
        instead: &'static str,
    },
}

/// What becomes of a key of a scope. None when nobody knows the key.
pub(crate) fn effect(scope: Scope, key: &str) -> Option<Effect> {
    if let Some(instead) = reserved(scope, key) {
        return Some(Effect::Reserved { instead });
    }
    let read = modelled(scope, key);
    read.or_else(|| ignored(scope, key).map(|why| Effect::None { why }))
}

fn ignored(scope: Scope, key: &str) -> Option<&'static str> {
    match scope {
        Scope::Broker => BrokerConfig::ignored(key),
        Scope::Topic => TopicConfig::ignored(key),
        Scope::Producer | Scope::Consumer | Scope::Admin => without_effect(key),
    }
}

fn modelled(scope: Scope, key: &str) -> Option<Effect> {
    if let Some((read, about)) = read_by_language(scope, key) {
        return Some(Effect::Modelled { read: read.to_owned(), about: about.to_owned() });
    }
    match scope {
        Scope::Broker => of_model("BrokerConfig", BrokerConfig::KEYS, key),
        Scope::Topic => of_model("TopicConfig", TopicConfig::KEYS, key),
        Scope::Producer => of_client("ProducerConfig", producer::SETTINGS, key),
        Scope::Consumer => of_client("ConsumerConfig", consumer::SETTINGS, key),
        Scope::Admin => of_client("AdminConfig", admin::SETTINGS, key),
    }
}

fn of_model(of: &str, keys: &[Modelled], key: &str) -> Option<Effect> {
    let found = keys.iter().find(|one| one.key == key)?;
    let about = found.about.split_whitespace().collect::<Vec<_>>().join(" ");
    // The documentation of a field begins with its key.
    let rest = about.strip_prefix(&format!("`{key}`")).unwrap_or(&about);
    let rest = rest.trim_start_matches(['.', ':', ';', ',', ' ']);
    let about = if rest.is_empty() { "as Kafka documents it." } else { rest };
    Some(Effect::Modelled { read: format!("{of}::{}", found.field), about: about.to_owned() })
}

fn of_client<C>(of: &str, settings: &[Setting<C>], key: &str) -> Option<Effect> {
    let found = settings.iter().find(|one| one.key == key)?;
    let field = found.field.trim_start_matches('.');
    Some(Effect::Modelled { read: format!("{of}::{field}"), about: found.about.to_owned() })
}

#[cfg(test)]
mod tests {
    use scenarios::model::Scope;

    use super::{Effect, effect, ignored, modelled};

    #[test]
    fn every_key_of_every_release_is_exactly_one_of_three() {
        let mut wrong = Vec::new();
        for scope in Scope::ALL {
            for key in scope.forms() {
                let told = effect(scope, key.name);
                let reserved = matches!(told, Some(Effect::Reserved { .. }));
                let read = modelled(scope, key.name).is_some();
                if told.is_none() || (reserved && read) {
                    wrong.push(format!("{scope:?} {} {told:?}", key.name));
                }
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
    }

    #[test]
    fn a_key_of_nobody_has_no_effect_to_tell() {
        for scope in Scope::ALL {
            assert_eq!(effect(scope, "no.such.key"), None);
        }
        assert!(ignored(Scope::Producer, "sasl.mechanism").is_some());
    }
}
