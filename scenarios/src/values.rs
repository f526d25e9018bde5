//! Readers of single values: each takes what the file says and gives it typed, or says what is
//! wrong with it.

use std::ops::RangeInclusive;

use crate::diagnostic::{listed, nearest};
use crate::model::quantity::{Distribution, Drawn, Rate, Ratio};
use crate::tree::Value;
use crate::units::{BITS_PER_SECOND, BYTES_PER_SECOND, DURATION, Decimal, SIZE, Units, Wrong};

/// The longest name of anything.
const NAME_MAX: usize = 120;

/// Any text.
pub(crate) fn text(value: &Value) -> Result<String, Wrong> {
    match value {
        Value::Text(text) => Ok(text.clone()),
        other => Err(kind("text in quotes", other)),
    }
}

/// A name: letters, digits, `.`, `_` and `-`, as Kafka has it for topics.
pub(crate) fn name(value: &Value) -> Result<String, Wrong> {
    let name = text(value)?;
    match name_problem(&name) {
        None => Ok(name),
        Some(problem) => Err(problem),
    }
}

/// What is wrong with a name, if anything.
pub(crate) fn name_problem(name: &str) -> Option<Wrong> {
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let fine = !name.is_empty()
        && name.len() <= NAME_MAX
        && name.chars().all(good)
        && name != "."
        && name != "..";
    (!fine).then(|| {
        let short: String = name.chars().take(40).collect();
        Wrong::new("scenario::name", format!("{short:?} is no valid name"))
            .help("1 to 120 of the characters a-z A-Z 0-9 . _ - (Kafka's rule for topics)")
    })
}

/// `true` or `false`.
pub(crate) fn flag(value: &Value) -> Result<bool, Wrong> {
    match value {
        Value::Bool(value) => Ok(*value),
        other => Err(kind("true or false", other)),
    }
}

/// An integer within bounds.
pub(crate) fn count(range: RangeInclusive<u64>) -> impl Fn(&Value) -> Result<u64, Wrong> {
    move |value| {
        let found = match value {
            Value::Integer(integer) => u64::try_from(*integer).ok(),
            _ => None,
        };
        found.filter(|n| range.contains(n)).ok_or_else(|| {
            let (low, high) = (range.start(), range.end());
            let wanted = if *high >= i64::MAX as u64 {
                format!("an integer, at least {low}")
            } else {
                format!("an integer from {low} to {high}")
            };
            let code = match value {
                Value::Integer(_) | Value::Number(_) => "scenario::range",
                _ => "scenario::type",
            };
            Wrong::new(code, format!("expected {wanted}, found {}", value.describe()))
        })
    }
}

/// An integer within bounds that fits `u32`.
pub(crate) fn small(range: RangeInclusive<u32>) -> impl Fn(&Value) -> Result<u32, Wrong> {
    let count = count(u64::from(*range.start())..=u64::from(*range.end()));
    move |value| count(value).map(|n| u32::try_from(n).expect("the range is within u32"))
}

fn quantity(units: &'static Units, value: &Value) -> Result<u64, Wrong> {
    match value {
        Value::Text(text) => units.read(text),
        Value::Integer(n) if *n < 0 => {
            Err(Wrong::new(units.code, format!("a {} cannot be negative: {n}", units.what))
                .help(format!("like {:?}", units.example)))
        }
        Value::Integer(_) | Value::Number(_) => Err(Wrong::new(
            units.code,
            format!("a {} needs a unit, in quotes: {}", units.what, value.describe()),
        )
        .help(format!("like {:?}", units.example))),
        other => Err(kind(&format!("a {} like {:?}", units.what, units.example), other)),
    }
}

/// A duration, zero included.
pub(crate) fn duration(value: &Value) -> Result<u64, Wrong> {
    quantity(&DURATION, value)
}

/// A duration above zero.
pub(crate) fn positive_duration(value: &Value) -> Result<u64, Wrong> {
    positive(duration(value)?, "duration", DURATION.code)
}

/// A duration of what comes again and again, from 1 us on: a shorter one is a run without an end.
pub(crate) fn duration_from_microsecond(value: &Value) -> Result<u64, Wrong> {
    let duration = positive_duration(value)?;
    if duration >= 1_000 {
        return Ok(duration);
    }
    Err(Wrong::new(DURATION.code, "this duration must be at least 1us"))
}

fn positive(value: u64, what: &str, code: &'static str) -> Result<u64, Wrong> {
    if value > 0 {
        return Ok(value);
    }
    Err(Wrong::new(code, format!("this {what} must be above zero"))
        .help(format!("leave the key out for its default, or give a {what} above zero")))
}

/// A size, zero included.
pub(crate) fn size(value: &Value) -> Result<u64, Wrong> {
    quantity(&SIZE, value)
}

/// A size above zero.
pub(crate) fn positive_size(value: &Value) -> Result<u64, Wrong> {
    positive(size(value)?, "size", SIZE.code)
}

/// Bits per second, above zero.
pub(crate) fn bits_per_second(value: &Value) -> Result<u64, Wrong> {
    positive(quantity(&BITS_PER_SECOND, value)?, "bandwidth", BITS_PER_SECOND.code)
}

/// Bytes per second, above zero.
pub(crate) fn bytes_per_second(value: &Value) -> Result<u64, Wrong> {
    positive(quantity(&BYTES_PER_SECOND, value)?, "bandwidth", BYTES_PER_SECOND.code)
}

/// A rate.
pub(crate) fn rate(value: &Value) -> Result<Rate, Wrong> {
    match value {
        Value::Text(text) => crate::units::rate(text),
        other => Err(kind("a rate like \"45000/s\"", other)),
    }
}

/// A number with a point, or `5%`.
fn decimal(value: &Value) -> Option<Decimal> {
    match value {
        Value::Integer(n) => Decimal::read(&n.to_string()),
        Value::Number(text) => Decimal::read(text),
        Value::Text(text) => {
            let mut decimal = Decimal::read(text.trim().strip_suffix('%')?)?;
            decimal.scale += 2;
            (decimal.scale <= 18).then_some(decimal)
        }
        _ => None,
    }
}

/// A probability from 0 to 1.
pub(crate) fn probability(value: &Value) -> Result<Ratio, Wrong> {
    let found = decimal(value).filter(|d| !d.negative).map(Decimal::ratio);
    found.filter(|r| r.numerator <= r.denominator).ok_or_else(|| {
        Wrong::new(
            "scenario::probability",
            format!("expected a probability from 0 to 1, found {}", value.describe()),
        )
        .help("like 0.05 or \"5%\"")
    })
}

/// A factor of at least one.
pub(crate) fn factor(value: &Value) -> Result<Ratio, Wrong> {
    let found = decimal(value).filter(|d| !d.negative).map(Decimal::ratio);
    found
        .filter(|r| r.numerator >= r.denominator && r.numerator / r.denominator <= 1_000_000)
        .ok_or_else(|| {
            Wrong::new(
                "scenario::factor",
                format!("expected a factor from 1 to 1000000, found {}", value.describe()),
            )
            .help("10 means ten times slower")
        })
}

/// A fixed duration, or a range `20s..40s` drawn per seed.
pub(crate) fn drawn_duration(value: &Value) -> Result<Drawn, Wrong> {
    match value {
        Value::Text(text) => drawn(&DURATION, text),
        other => duration(other).map(Drawn::fixed),
    }
}

/// Like [`drawn_duration`], above zero.
pub(crate) fn positive_drawn_duration(value: &Value) -> Result<Drawn, Wrong> {
    let drawn = drawn_duration(value)?;
    positive(drawn.low, "duration", DURATION.code)?;
    Ok(drawn)
}

/// A count, or a range of counts `1..6` drawn per seed.
pub(crate) fn drawn_count(most: u64) -> impl Fn(&Value) -> Result<Drawn, Wrong> {
    move |value| {
        let Value::Text(text) = value else { return count(0..=most)(value).map(Drawn::fixed) };
        let wrong = || {
            Wrong::new("scenario::range", format!("{text:?} is no range of counts up to {most}"))
                .help("write the smaller end first, like \"1..6\"")
        };
        let (low, high) = text.split_once("..").ok_or_else(wrong)?;
        let end = |text: &str| text.trim().parse::<u64>().ok().filter(|n| *n <= most);
        let (Some(low), Some(high)) = (end(low), end(high)) else { return Err(wrong()) };
        if low > high { Err(wrong()) } else { Ok(Drawn { low, high }) }
    }
}

fn drawn(units: &'static Units, text: &str) -> Result<Drawn, Wrong> {
    let Some((low, high)) = text.split_once("..") else {
        return units.read(text).map(Drawn::fixed);
    };
    let drawn = Drawn { low: units.read(low)?, high: units.read(high)? };
    if drawn.low > drawn.high {
        return Err(Wrong::new("scenario::range", format!("{text:?} ends before it begins"))
            .help("write the smaller end first, like \"20s..40s\""));
    }
    Ok(drawn)
}

/// A distribution of durations, above zero where it is constant and `positive` is asked for.
pub(crate) fn duration_distribution(value: &Value) -> Result<Distribution, Wrong> {
    distribution(&DURATION, value)
}

/// A distribution of sizes.
pub(crate) fn size_distribution(value: &Value) -> Result<Distribution, Wrong> {
    distribution(&SIZE, value)
}

fn distribution(units: &'static Units, value: &Value) -> Result<Distribution, Wrong> {
    let Value::Text(text) = value else {
        return quantity(units, value).map(Distribution::Constant);
    };
    let text = text.trim();
    let Some((function, arguments)) = call(text) else {
        return drawn(units, text).map(|d| {
            if d.low == d.high { Distribution::Constant(d.low) } else { Distribution::PerSeed(d) }
        });
    };
    match (function, arguments.as_slice()) {
        ("lognormal", [mean, sigma]) => {
            let mean = positive(units.read(mean)?, "mean", units.code)?;
            let sigma_millionths = Decimal::read(sigma)
                .filter(|d| !d.negative)
                .and_then(|d| d.times(1_000_000))
                .filter(|s| (1..=5_000_000).contains(s))
                .ok_or_else(|| {
                    Wrong::new(
                        "scenario::distribution",
                        format!("{sigma:?} is no sigma of a lognormal distribution"),
                    )
                    .help("a number above 0 and at most 5, with at most six decimals, like 0.5")
                })?;
            Ok(Distribution::Lognormal { mean, sigma_millionths })
        }
        ("exponential", [mean]) => {
            Ok(Distribution::Exponential { mean: positive(units.read(mean)?, "mean", units.code)? })
        }
        ("uniform", [low, high]) => {
            let (low, high) = (units.read(low)?, units.read(high)?);
            if low > high {
                return Err(Wrong::new(
                    "scenario::range",
                    format!("{text:?} ends before it begins"),
                )
                .help("write the smaller end first"));
            }
            Ok(Distribution::Uniform { low, high })
        }
        _ => Err(no_distribution(units, text, function)),
    }
}

fn no_distribution(units: &Units, text: &str, function: &str) -> Wrong {
    let known = ["lognormal", "exponential", "uniform"];
    let example = units.example;
    let forms = format!(
        "one of {example:?}, \"lognormal({example}, 0.5)\", \"exponential({example})\", \
         \"uniform({example}, {example})\", or a range \"a..b\" drawn once per seed"
    );
    let help = match nearest(function, known) {
        Some(near) if near != function => format!("did you mean `{near}`? {forms}"),
        _ => forms,
    };
    Wrong::new("scenario::distribution", format!("{text:?} is no distribution")).help(help)
}

/// Splits `name(a, b)`.
pub(crate) fn call(text: &str) -> Option<(&str, Vec<&str>)> {
    let (function, rest) = text.split_once('(')?;
    let arguments = rest.trim_end().strip_suffix(')')?;
    Some((function.trim(), arguments.split(',').map(str::trim).collect()))
}

/// One of some words.
pub(crate) fn choice<T: Copy>(
    known: &'static [(&'static str, T)],
) -> impl Fn(&Value) -> Result<T, Wrong> {
    move |value| {
        let word = text(value)?;
        if let Some((_, found)) = known.iter().find(|(name, _)| *name == word) {
            return Ok(*found);
        }
        Err(unknown_word(&word, known.iter().map(|(name, _)| *name)))
    }
}

/// A word that is none of the known ones.
pub(crate) fn unknown_word<'a>(word: &str, known: impl Iterator<Item = &'a str> + Clone) -> Wrong {
    let short: String = word.chars().take(60).collect();
    let help = match nearest(word, known.clone()) {
        Some(near) => format!("did you mean `{near}`? Known: {}", listed(known)),
        None => format!("one of {}", listed(known)),
    };
    Wrong::new("scenario::unknown-value", format!("`{short}` is not known here")).help(help)
}

/// A value of the wrong type.
pub(crate) fn kind(wanted: &str, found: &Value) -> Wrong {
    Wrong::new("scenario::type", format!("expected {wanted}, found {}", found.describe()))
}

#[cfg(test)]
mod tests {
    use super::{drawn_duration, duration_distribution, factor, probability};
    use crate::model::quantity::{Distribution, Drawn, Ratio};
    use crate::tree::Value;

    fn text(text: &str) -> Value {
        Value::Text(text.to_owned())
    }

    #[test]
    fn distributions() {
        let read = |t: &str| duration_distribution(&text(t));
        assert_eq!(read("60us"), Ok(Distribution::Constant(60_000)));
        assert_eq!(
            read("lognormal(60us, 0.5)"),
            Ok(Distribution::Lognormal { mean: 60_000, sigma_millionths: 500_000 })
        );
        assert_eq!(
            read("uniform(1ms,3ms)"),
            Ok(Distribution::Uniform { low: 1_000_000, high: 3_000_000 })
        );
        assert_eq!(read("1us..2us"), Ok(Distribution::PerSeed(Drawn { low: 1_000, high: 2_000 })));
        for bad in ["lognormal(60us)", "lognorml(60us, 1)", "uniform(3ms,1ms)", "exponential(0s)"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn ranges_are_ordered() {
        assert_eq!(drawn_duration(&text("1s..1s")), Ok(Drawn::fixed(1_000_000_000)));
        assert!(drawn_duration(&text("2s..1s")).is_err());
    }

    #[test]
    fn ratios() {
        let number = |t: &str| Value::Number(t.to_owned());
        assert_eq!(probability(&number("0.05")), Ok(Ratio { numerator: 5, denominator: 100 }));
        assert_eq!(probability(&text("5%")), Ok(Ratio { numerator: 5, denominator: 100 }));
        assert!(probability(&number("1.5")).is_err());
        assert!(probability(&number("nan")).is_err());
        assert_eq!(factor(&Value::Integer(10)), Ok(Ratio { numerator: 10, denominator: 1 }));
        assert!(factor(&number("0.5")).is_err());
    }
}
