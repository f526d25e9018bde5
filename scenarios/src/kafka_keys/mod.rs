//! Kafka's configuration keys with types, valid values and defaults, from the release itself.

use crate::diagnostic::{listed, nearest};
use crate::model::config::{ConfigValue, Scope};
use crate::tree::Value;
use crate::units::{DURATION, Decimal, SIZE, Units, Wrong};
use crate::values;

/// A release of Kafka that a scenario can ask for: its keys, defaults and protocol.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub enum Version {
    /// 3.9 with KRaft.
    V3_9,
    /// 4.0.
    V4_0,
    /// 4.1.
    #[default]
    V4_1,
}

impl Version {
    /// All of them, the oldest first.
    pub const ALL: [Self; 3] = [Self::V3_9, Self::V4_0, Self::V4_1];

    /// As a scenario writes it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::V3_9 => "3.9",
            Self::V4_0 => "4.0",
            Self::V4_1 => "4.1",
        }
    }
}

/// A key of Kafka's as one or several releases have it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KafkaKey {
    /// Its name.
    pub name: &'static str,
    /// The releases that have it like this: `*` for all, else their names with blanks between.
    versions: &'static str,
    /// `BOOLEAN`, `INT`, `LONG`, `SHORT`, `DOUBLE`, `STRING`, `LIST`, `CLASS` or `PASSWORD`.
    pub kind: &'static str,
    /// Kafka's own words for what is valid, `-` when it checks nothing.
    pub valid: &'static str,
    /// The default as text; `null` for none. Lists are separated by commas.
    pub default: &'static str,
}

const BROKER: &str = include_str!("broker.tsv");
const TOPIC: &str = include_str!("topic.tsv");
const PRODUCER: &str = include_str!("producer.tsv");
const CONSUMER: &str = include_str!("consumer.tsv");
const ADMIN: &str = include_str!("admin.tsv");

/// Keys that a scenario may not set, with what to use instead.
const RESERVED: &[(Scope, &str, &str)] = &[
    (Scope::Broker, "node.id", "brokers are numbered from 1"),
    (Scope::Broker, "broker.id", "brokers are numbered from 1"),
    (Scope::Broker, "broker.rack", "use `cluster.racks`"),
    (Scope::Broker, "process.roles", "use `cluster.brokers` and `cluster.controllers`"),
    (Scope::Broker, "controller.quorum.voters", "use `cluster.controllers`"),
    (Scope::Broker, "controller.quorum.bootstrap.servers", "use `cluster.controllers`"),
    (Scope::Producer, "bootstrap.servers", "services know the brokers of the cluster"),
    (Scope::Producer, "client.id", "it is the service's name with the instance"),
    (Scope::Producer, "transactional.id", "use `transactional` and `transactional_id`"),
    (Scope::Consumer, "bootstrap.servers", "services know the brokers of the cluster"),
    (Scope::Consumer, "client.id", "it is the service's name with the instance"),
    (Scope::Consumer, "group.id", "use `group`"),
    (Scope::Consumer, "client.rack", "instances are dealt to `cluster.racks` in turn"),
    (Scope::Admin, "bootstrap.servers", "the administrator knows the controller"),
    (Scope::Admin, "bootstrap.controllers", "the administrator knows the controller"),
    (Scope::Admin, "client.id", "there is one administrator"),
];

impl Scope {
    /// What the keys are called.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Broker => "broker",
            Self::Topic => "topic",
            Self::Producer => "producer",
            Self::Consumer => "consumer",
            Self::Admin => "admin client",
        }
    }

    /// What a key is called in a sentence.
    fn with_article(self) -> String {
        let article = if self == Self::Admin { "an" } else { "a" };
        format!("{article} {}", self.name())
    }

    /// Every scope.
    pub const ALL: [Self; 5] =
        [Self::Broker, Self::Topic, Self::Producer, Self::Consumer, Self::Admin];

    /// All keys in this scope, sorted by name; a key that changed between releases stands there
    /// once for each form.
    pub fn forms(self) -> impl Iterator<Item = KafkaKey> + Clone {
        self.table().lines().filter_map(KafkaKey::of_line)
    }

    /// A line a form, sorted by name.
    const fn table(self) -> &'static str {
        match self {
            Self::Broker => BROKER,
            Self::Topic => TOPIC,
            Self::Producer => PRODUCER,
            Self::Consumer => CONSUMER,
            Self::Admin => ADMIN,
        }
    }

    /// All keys of a release in this scope, sorted by name.
    pub fn keys(self, version: Version) -> impl Iterator<Item = KafkaKey> + Clone {
        self.forms().filter(move |key| key.is_of(version))
    }

    /// A key of a release by name.
    #[must_use]
    pub fn key(self, version: Version, name: &str) -> Option<KafkaKey> {
        let text = from_name(self.table(), name);
        let mut forms = text.lines().filter_map(KafkaKey::of_line).take_while(|k| k.name == name);
        forms.find(|k| k.is_of(version))
    }
}

/// The lines of a sorted table from the first one on whose name is not before this one: plans and
/// warnings ask for some dozen keys a run.
fn from_name<'a>(table: &'a str, name: &str) -> &'a str {
    let bytes = table.as_bytes();
    let line_begin = |at: usize| bytes[..at].iter().rposition(|&b| b == b'\n').map_or(0, |n| n + 1);
    let (mut low, mut high) = (0, table.len());
    while low < high {
        let begin = line_begin((low + high) / 2);
        let line = table[begin..].lines().next().unwrap_or_default();
        if line.split('\t').next().unwrap_or_default() < name {
            low = begin + line.len() + 1;
        } else {
            high = begin;
        }
    }
    table.get(low..).unwrap_or_default()
}

/// Why a scenario may not set a key, if it may not: what to use instead.
#[must_use]
pub fn reserved(scope: Scope, name: &str) -> Option<&'static str> {
    RESERVED.iter().find(|(s, n, _)| *s == scope && *n == name).map(|(_, _, why)| *why)
}

/// How many partitions a topic has that does not say.
pub(crate) const NUM_PARTITIONS: &str = "num.partitions";
/// How many replicas a topic has that does not say.
pub(crate) const DEFAULT_FACTOR: &str = "default.replication.factor";

/// Keys that decide what a scenario means, before anything runs: what stands in their place, and
/// what they do.
#[must_use]
pub fn read_by_language(scope: Scope, name: &str) -> Option<(&'static str, &'static str)> {
    match (scope, name) {
        (Scope::Broker, NUM_PARTITIONS) => {
            Some(("`topic.NAME.partitions`", "partitions of topics that do not say."))
        }
        (Scope::Broker, DEFAULT_FACTOR) => {
            Some(("`topic.NAME.replication`", "replicas of topics that do not say."))
        }
        _ => None,
    }
}

/// An unknown key: with the releases that have it, or the nearest name, also of the other scopes.
pub(crate) fn unknown(scope: Scope, version: Version, name: &str) -> Wrong {
    let short: String = name.chars().take(80).collect();
    let wrong = Wrong::new(
        "scenario::unknown-kafka-key",
        format!("`{short}` is not {} key of Kafka {}", scope.with_article(), version.name()),
    );
    let others = Version::ALL.into_iter().filter(|v| scope.key(*v, name).is_some());
    let others: Vec<&str> = others.map(Version::name).collect();
    if !others.is_empty() {
        return wrong.help(format!("only Kafka {} has it", others.join(" and ")));
    }
    let elsewhere =
        Scope::ALL.into_iter().filter(|s| *s != scope).find(|s| s.key(version, name).is_some());
    if let Some(other) = elsewhere {
        return wrong.help(format!("it is {} key", other.with_article()));
    }
    match nearest(name, scope.keys(version).map(|k| k.name)) {
        Some(near) => wrong.help(format!("did you mean `{near}`?")),
        None => wrong.help("keys are written as in Kafka's documentation, in quotes"),
    }
}

impl KafkaKey {
    fn of_line(line: &'static str) -> Option<Self> {
        let mut columns = line.split('\t');
        Some(Self {
            name: columns.next()?,
            versions: columns.next()?,
            kind: columns.next()?,
            valid: columns.next()?,
            default: columns.next()?,
        })
    }

    /// Whether a release has the key, and like this.
    #[must_use]
    pub fn is_of(&self, version: Version) -> bool {
        self.versions == "*" || self.versions.split(' ').any(|name| name == version.name())
    }

    /// The default, typed. None when Kafka has none.
    #[must_use]
    pub fn default_value(&self) -> Option<ConfigValue> {
        if self.default == "null" {
            return None;
        }
        Some(match self.kind {
            "BOOLEAN" => ConfigValue::Bool(self.default == "true"),
            "SHORT" | "INT" | "LONG" => ConfigValue::Int(self.default.parse().ok()?),
            "DOUBLE" => millionths(self.default).map(ConfigValue::Millionths)?,
            "LIST" => ConfigValue::List(split_list(self.default)),
            _ => ConfigValue::Text(self.default.to_owned()),
        })
    }

    /// Reads and checks a value as Kafka would, with units for times and sizes.
    pub(crate) fn read(&self, value: &Value) -> Result<ConfigValue, Wrong> {
        let read = match self.kind {
            "BOOLEAN" => match value {
                Value::Text(text) if text == "true" => ConfigValue::Bool(true),
                Value::Text(text) if text == "false" => ConfigValue::Bool(false),
                other => ConfigValue::Bool(values::flag(other)?),
            },
            "SHORT" | "INT" | "LONG" => ConfigValue::Int(self.integer(value)?),
            "DOUBLE" => ConfigValue::Millionths(
                match value {
                    Value::Integer(n) => n.checked_mul(1_000_000),
                    Value::Number(text) => millionths(text),
                    _ => None,
                }
                .ok_or_else(|| values::kind("a number with at most six decimals", value))?,
            ),
            "LIST" => ConfigValue::List(list(value)?),
            _ => match value {
                Value::Integer(n) => ConfigValue::Text(n.to_string()),
                other => ConfigValue::Text(values::text(other)?),
            },
        };
        self.check(read)
    }

    /// Reads both ends of a range, `"1s..9s"`, if that is what the value is: an integer that is
    /// drawn per seed.
    pub(crate) fn read_range(
        &self,
        value: &Value,
    ) -> Option<Result<(ConfigValue, ConfigValue), Wrong>> {
        let Value::Text(text) = value else { return None };
        let (low, high) = text.split_once("..")?;
        if !matches!(self.kind, "SHORT" | "INT" | "LONG") {
            return None;
        }
        let end = |text: &str| {
            let number = text.parse().map_or_else(|_| Value::Text(text.to_owned()), Value::Integer);
            self.read(&number)
        };
        let ends = end(low).and_then(|low| end(high).map(|high| (low, high)));
        Some(ends.and_then(|ends| {
            match ends {
                (ConfigValue::Int(low), ConfigValue::Int(high)) if low > high => {
                    Err(Wrong::new("scenario::range", format!("{text:?} ends before it begins"))
                        .help("write the smaller end first, like \"1s..9s\""))
                }
                ends => Ok(ends),
            }
        }))
    }

    fn integer(&self, value: &Value) -> Result<i64, Wrong> {
        let number = match value {
            Value::Integer(n) => *n,
            Value::Text(text) => self.with_unit(text)?,
            other => {
                let wanted = if self.unit().is_some() {
                    "an integer, or text with a unit"
                } else {
                    "an integer"
                };
                return Err(values::kind(wanted, other));
            }
        };
        let fits = match self.kind {
            "SHORT" => i16::try_from(number).is_ok(),
            "INT" => i32::try_from(number).is_ok(),
            _ => true,
        };
        if fits {
            return Ok(number);
        }
        Err(Wrong::new(
            "scenario::kafka-value",
            format!("{number} does not fit Kafka's type {} of `{}`", self.kind, self.name),
        ))
    }

    /// The unit that the key counts in, by its name.
    fn unit(&self) -> Option<(&'static Units, u64)> {
        let last = self.name.rsplit('.').next().unwrap_or_default();
        match last {
            "ms" | "millis" => Some((&DURATION, 1_000_000)),
            "seconds" => Some((&DURATION, 1_000_000_000)),
            "minutes" => Some((&DURATION, 60_000_000_000)),
            "hours" => Some((&DURATION, 3_600_000_000_000)),
            "bytes" | "memory" | "size" => Some((&SIZE, 1)),
            _ => None,
        }
    }

    fn with_unit(&self, text: &str) -> Result<i64, Wrong> {
        let Some((units, one)) = self.unit() else {
            return Err(values::kind("an integer", &Value::Text(text.to_owned())));
        };
        let value = units.read(text)?;
        if value % one != 0 {
            return Err(Wrong::new(
                "scenario::kafka-value",
                format!("{text:?} is no whole number of what `{}` counts in", self.name),
            ));
        }
        Ok(i64::try_from(value / one).expect("units give less than 2^62"))
    }

    /// Kafka's own bounds.
    fn check(&self, value: ConfigValue) -> Result<ConfigValue, Wrong> {
        let problem = match &value {
            ConfigValue::Int(n) => self.outside(i128::from(*n) * 1_000_000),
            ConfigValue::Millionths(n) => self.outside(i128::from(*n)),
            ConfigValue::Text(text) => self.not_among(text),
            ConfigValue::List(items) => items.iter().find_map(|item| self.not_among(item)),
            ConfigValue::Bool(_) => None,
        };
        match problem {
            None => Ok(value),
            Some(problem) => Err(problem),
        }
    }

    /// Whether millionths are outside `[low,...]` or `[low,...,high]`, perhaps `or -1`.
    fn outside(&self, millionth: i128) -> Option<Wrong> {
        if self.valid.ends_with(" or -1") && millionth == -1_000_000 {
            return None;
        }
        let inner = self.valid.strip_prefix('[')?.split(']').next()?;
        let (low, high) = inner.split_once(",...")?;
        let bound = |text: &str| millionths(text).map(i128::from);
        let low_fine = bound(low).is_none_or(|low| millionth >= low);
        let high = high.trim_start_matches(',');
        let high_fine = high.is_empty() || bound(high).is_none_or(|high| millionth <= high);
        (!low_fine || !high_fine).then(|| {
            Wrong::new(
                "scenario::kafka-value",
                format!("out of the range that Kafka allows for `{}`", self.name),
            )
            .help(format!("valid: {}", self.valid))
        })
    }

    /// Whether a word is not in `[a, b, c]`.
    fn not_among(&self, word: &str) -> Option<Wrong> {
        let (any_case, valid) = match self.valid.strip_prefix("(case insensitive) ") {
            Some(rest) => (true, rest),
            None => (false, self.valid),
        };
        if self.valid == "non-empty string" && word.is_empty() {
            return Some(Wrong::new(
                "scenario::kafka-value",
                format!("`{}` must not be empty", self.name),
            ));
        }
        let inner = valid.strip_prefix('[')?.strip_suffix(']')?;
        if inner.contains("...") || inner.contains("[") {
            return None;
        }
        let words: Vec<&str> = inner.split(", ").collect();
        let fits = words.iter().any(|w| {
            *w == word
                || (any_case && w.eq_ignore_ascii_case(word))
                || w.split_once(':').is_some_and(|(head, _)| {
                    word.split_once(':').is_some_and(|(found, _)| found == head)
                })
        });
        (!fits).then(|| {
            let short: String = word.chars().take(40).collect();
            let help = match nearest(word, words.iter().copied()) {
                Some(near) => format!("did you mean `{near}`? Valid: {}", listed(words)),
                None => format!("valid: {}", listed(words)),
            };
            Wrong::new("scenario::kafka-value", format!("`{short}` is no value of `{}`", self.name))
                .help(help)
        })
    }
}

fn list(value: &Value) -> Result<Vec<String>, Wrong> {
    match value {
        Value::Text(text) => Ok(split_list(text)),
        Value::Array(items) => items.iter().map(|item| values::text(&item.value)).collect(),
        other => Err(values::kind("text or an array of texts", other)),
    }
}

fn split_list(text: &str) -> Vec<String> {
    text.split(',').map(|t| t.trim().to_owned()).filter(|t| !t.is_empty()).collect()
}

fn millionths(text: &str) -> Option<i64> {
    let decimal = Decimal::read(text)?;
    let value = i64::try_from(decimal.times(1_000_000)?).ok()?;
    Some(if decimal.negative { -value } else { value })
}

#[cfg(test)]
mod tests;
