use super::{Version, reserved, unknown};
use crate::model::config::{ConfigValue, Scope};
use crate::tree::Value;

fn read(scope: Scope, key: &str, value: Value) -> Result<ConfigValue, String> {
    scope.key(Version::default(), key).expect("a key of Kafka").read(&value).map_err(|w| w.message)
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

#[test]
fn catalogues_are_sorted_and_complete() {
    for (scope, counts) in [
        (Scope::Broker, [331, 308, 338]),
        (Scope::Topic, [36, 33, 34]),
        (Scope::Producer, [95, 95, 112]),
        (Scope::Consumer, [98, 98, 115]),
        (Scope::Admin, [74, 74, 90]),
    ] {
        for (version, count) in Version::ALL.into_iter().zip(counts) {
            let names: Vec<&str> = scope.keys(version).map(|k| k.name).collect();
            assert_eq!(names.len(), count, "{scope:?} {version:?}");
            assert!(names.windows(2).all(|pair| pair[0] < pair[1]));
            for key in scope.keys(version) {
                let large = key.name == "log.cleaner.io.max.bytes.per.second";
                assert!(large || key.default == "null" || key.default_value().is_some(), "{key:?}");
                assert_eq!(scope.key(version, key.name), Some(key));
            }
            for none in ["", "a", "linger.mss", "zzz"] {
                assert_eq!(scope.key(version, none), None);
            }
        }
    }
}

#[test]
fn releases_differ_in_keys_ranges_and_defaults() {
    let default = |version| Scope::Producer.key(version, "linger.ms").map(|key| key.default);
    assert_eq!(Version::ALL.map(default), [Some("0"), Some("5"), Some("5")]);
    let read = |version| {
        let key = Scope::Topic.key(version, "segment.bytes").expect("all have it");
        key.read(&Value::Integer(1_000)).is_ok()
    };
    assert_eq!(Version::ALL.map(read), [true, true, false]);
    let wrong = unknown(Scope::Broker, Version::V4_1, "zookeeper.connect");
    assert_eq!(wrong.help.as_deref(), Some("only Kafka 3.9 has it"));
    let wrong = unknown(Scope::Broker, Version::V3_9, "share.coordinator.threads");
    assert_eq!(wrong.help.as_deref(), Some("only Kafka 4.0 and 4.1 has it"));
}

#[test]
fn values_are_typed_and_bounded() {
    use Scope::{Broker, Consumer, Producer, Topic};
    assert_eq!(read(Producer, "batch.size", text("64KiB")), Ok(ConfigValue::Int(65_536)));
    assert_eq!(read(Producer, "linger.ms", text("5ms")), Ok(ConfigValue::Int(5)));
    assert_eq!(read(Producer, "acks", Value::Integer(1)), Ok(ConfigValue::Text("1".into())));
    assert_eq!(
        read(Topic, "min.cleanable.dirty.ratio", Value::Number("0.5".into())),
        Ok(ConfigValue::Millionths(500_000))
    );
    assert!(read(Producer, "acks", text("most")).is_err());
    assert!(read(Producer, "linger.ms", Value::Integer(-1)).is_err());
    assert!(read(Producer, "linger.ms", text("1us")).is_err());
    assert!(read(Producer, "retries", Value::Integer(1 << 40)).is_err());
    assert!(read(Topic, "min.insync.replicas", Value::Integer(0)).is_err());
    assert!(read(Topic, "min.cleanable.dirty.ratio", Value::Integer(2)).is_err());
    assert!(read(Consumer, "isolation.level", text("read-committed")).is_err());
    assert!(read(Consumer, "auto.offset.reset", text("by_duration:PT1H")).is_ok());
    assert!(read(Consumer, "group.protocol", text("CONSUMER")).is_ok());
    assert!(read(Broker, "log.cleanup.policy", text("compact,delete")).is_ok());
    assert!(read(Broker, "log.cleanup.policy", text("compact,shred")).is_err());
    assert!(read(Topic, "compression.gzip.level", Value::Integer(-1)).is_ok());
    assert!(read(Topic, "compression.gzip.level", Value::Integer(0)).is_err());
}

#[test]
fn unknown_keys_name_the_nearest_or_the_right_scope() {
    let help = unknown(Scope::Producer, Version::V4_1, "linger.mss").help;
    assert_eq!(help.as_deref(), Some("did you mean `linger.ms`?"));
    let help = unknown(Scope::Producer, Version::V4_1, "isolation.level").help;
    assert_eq!(help.as_deref(), Some("it is a consumer key"));
    assert!(reserved(Scope::Consumer, "group.id").is_some());
}
