//! `assize explain`: what Kafka's keys and features are, and what they do here.

use scenarios::diagnostic::nearest;
use scenarios::kafka_keys::KafkaKey;
use scenarios::model::{Scope, Version};
use serde_json::json;

use super::args::{ExplainArgs, Format};
use super::console::{Console, Paint};
use super::exit::{Exit, Failure};
use super::feature;
use super::table::Columns;
use crate::warning::{Effect, effect};

pub(super) fn command(args: &ExplainArgs, console: &mut Console<'_>) -> Result<Exit, Failure> {
    if args.keys.is_empty() {
        scopes(args.format, console);
        return Ok(Exit::Expected);
    }
    let mut exit = Exit::Expected;
    for (index, name) in args.keys.iter().enumerate() {
        let found: Vec<Scope> = Scope::ALL
            .into_iter()
            .filter(|scope| scope.forms().any(|key| key.name == name))
            .collect();
        let feature = feature::of(name);
        if found.is_empty() && feature.is_none() {
            console.error(&unknown(name));
            exit = exit.worse(Exit::Usage);
            continue;
        }
        if args.format == Format::Human && index > 0 {
            console.line("");
        }
        if args.format == Format::Human {
            let name = console.paint(Paint::Strong, name);
            console.line(&name);
        }
        if let Some(feature) = feature {
            match args.format {
                Format::Human => feature.tell(console),
                Format::Json => console.line(&feature.object().to_string()),
            }
        }
        for scope in found {
            match args.format {
                Format::Human => tell(scope, name, console),
                Format::Json => console.line(&object(scope, name).to_string()),
            }
        }
    }
    Ok(exit)
}

/// A name that no release of Kafka has.
fn unknown(name: &str) -> String {
    let short: String = name.chars().take(80).collect();
    let keys = Scope::ALL.into_iter().flat_map(|scope| scope.forms().map(|key| key.name));
    let all = keys.chain(feature::names());
    let help = match nearest(name, all) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "`assize explain` without a key lists what there is".to_owned(),
    };
    format!("error: `{short}` is no key of Kafka 3.9 to 4.1\n  help: {help}")
}

/// Where a scenario sets a key of a scope.
const fn table(scope: Scope) -> &'static str {
    match scope {
        Scope::Broker => "cluster.config",
        Scope::Topic => "topic.NAME.config",
        Scope::Producer => "service.NAME.producer",
        Scope::Consumer => "service.NAME.consumer",
        Scope::Admin => "cluster.admin",
    }
}

/// How many keys a scope has, in all releases together.
fn scopes(format: Format, console: &mut Console<'_>) {
    let head = ["scope", "set in", "keys", "modelled", "without effect", "reserved"];
    let mut columns = Columns::new(&head).numbers_from(2);
    for scope in Scope::ALL {
        let mut names: Vec<&str> = scope.forms().map(|key| key.name).collect();
        names.dedup();
        let count = |is: fn(&Effect) -> bool| {
            names.iter().filter(|name| effect(scope, name).as_ref().is_some_and(is)).count()
        };
        let modelled = count(|e| matches!(e, Effect::Modelled { .. }));
        let without = count(|e| matches!(e, Effect::None { .. }));
        let reserved = count(|e| matches!(e, Effect::Reserved { .. }));
        if format == Format::Json {
            let line = json!({
                "scope": scope.name(),
                "table": table(scope),
                "keys": names.len(),
                "modelled": modelled,
                "without_effect": without,
                "reserved": reserved,
            });
            console.line(&line.to_string());
            continue;
        }
        let numbers = [names.len(), modelled, without, reserved].map(|n| n.to_string());
        columns.row([scope.name().to_owned(), table(scope).to_owned()].into_iter().chain(numbers));
    }
    if format == Format::Human {
        for (index, line) in columns.lines().iter().enumerate() {
            let line = if index == 0 { console.paint(Paint::Faint, line) } else { line.clone() };
            console.line(&line);
        }
        console.line("");
        console.line("`assize explain KEY` tells one; keys of Kafka 3.9, 4.0 and 4.1 are counted");
    }
}

/// The forms of a key with the releases that have them.
fn forms(scope: Scope, name: &str) -> Vec<(Vec<&'static str>, KafkaKey)> {
    let of = |key: &KafkaKey| {
        let versions = Version::ALL.into_iter().filter(|version| key.is_of(*version));
        versions.map(Version::name).collect()
    };
    scope.forms().filter(|key| key.name == name).map(|key| (of(&key), key)).collect()
}

/// A column of the forms: one value when all say the same, else each with its releases.
fn column(forms: &[(Vec<&str>, KafkaKey)], value: fn(&KafkaKey) -> String) -> String {
    let mut told: Vec<(Vec<&str>, String)> = Vec::new();
    for (versions, key) in forms {
        let value = value(key);
        match told.iter_mut().find(|(_, other)| *other == value) {
            Some((all, _)) => all.extend(versions),
            None => told.push((versions.clone(), value)),
        }
    }
    match told.as_slice() {
        [(_, value)] => value.clone(),
        many => {
            let each = many.iter().map(|(versions, v)| format!("{v} in {}", versions.join(", ")));
            each.collect::<Vec<_>>().join("; ")
        }
    }
}

fn default_of(key: &KafkaKey) -> String {
    match key.default {
        "null" => "none".to_owned(),
        "" => "empty".to_owned(),
        text => text.to_owned(),
    }
}

fn valid_of(key: &KafkaKey) -> String {
    let text = if key.valid == "-" { "anything of that type" } else { key.valid };
    text.replace(",...,", " to ").replace(",...", " and above")
}

fn tell(scope: Scope, name: &str, console: &mut Console<'_>) {
    let forms = forms(scope, name);
    let releases: Vec<&str> = forms.iter().flat_map(|(versions, _)| versions.clone()).collect();
    console.line(&format!("  {} key, set in {}", scope.name(), table(scope)));
    if releases.len() < Version::ALL.len() {
        console.line(&format!("    only in   Kafka {}", releases.join(", ")));
    }
    console.line(&format!("    type      {}", column(&forms, |key| key.kind.to_owned())));
    console.line(&format!("    valid     {}", column(&forms, valid_of)));
    console.line(&format!("    default   {}", column(&forms, default_of)));
    let text = match effect(scope, name) {
        Some(Effect::Modelled { read, about }) => format!("modelled: {about} Read as {read}."),
        Some(Effect::None { why }) => format!("no effect here: {why}"),
        Some(Effect::Reserved { instead }) => format!("reserved, set by assize: {instead}"),
        None => "unknown".to_owned(),
    };
    console.line(&format!("    here      {text}"));
}

fn object(scope: Scope, name: &str) -> serde_json::Value {
    let forms: Vec<serde_json::Value> = forms(scope, name)
        .into_iter()
        .map(|(versions, key)| {
            let default = (key.default != "null").then_some(key.default);
            let valid = (key.valid != "-").then_some(key.valid);
            json!({ "kafka": versions, "type": key.kind, "valid": valid, "default": default })
        })
        .collect();
    let (kind, read, about) = match effect(scope, name) {
        Some(Effect::Modelled { read, about }) => ("modelled", Some(read), about),
        Some(Effect::None { why }) => ("none", None, why.to_owned()),
        Some(Effect::Reserved { instead }) => ("reserved", None, instead.to_owned()),
        None => ("unknown", None, String::new()),
    };
    json!({
        "key": name,
        "scope": scope.name(),
        "table": table(scope),
        "forms": forms,
        "effect": kind,
        "read": read,
        "about": about,
    })
}
