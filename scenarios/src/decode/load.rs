//! `[load.NAME]`.

use crate::decoder::{Decoder, Fields};
use crate::model::load::{Arrivals, CallRange, Keys, Load, Payload, Shape};
use crate::model::quantity::{Distribution, Rate, Ratio};
use crate::spec;
use crate::tree::{Entry, Value};
use crate::units::{Decimal, Wrong};
use crate::values;

/// More calls than a run can hold.
const CALLS_MAX: u64 = 4_000_000_000;

/// `[load.NAME]`.
pub(super) fn load(decoder: &mut Decoder, entry: &Entry) -> Load {
    let path = format!("load.{}", entry.key);
    let mut load = Load {
        name: entry.key.clone(),
        into: String::new(),
        arrivals: Arrivals::Closed { callers: 1, think: Distribution::Constant(0) },
        keys: Keys::Unique,
        size: Distribution::Constant(1_024),
        payload: None,
        tombstones: Ratio::ZERO,
        limit: None,
        drop: Vec::new(),
    };
    let Some(t) = decoder.open(&entry.node, &path, &spec::LOAD, &[]) else { return load };
    load.into = t.require(decoder, "into", values::name).unwrap_or_default();
    let _ = t.require(decoder, "arrivals", |_| Ok(()));
    if let Some(node) = t.get("arrivals") {
        let path = t.path_of("arrivals");
        if let Some(a) = decoder.open(node, &path, &spec::ARRIVALS, &[]) {
            load.arrivals = arrivals(decoder, &a).unwrap_or(load.arrivals);
        }
    }
    if let Some(keys) = t.read(decoder, "keys", keys) {
        load.keys = keys;
    }
    if let Some(size) = t.read(decoder, "size", values::size_distribution) {
        load.size = size;
    }
    load.payload = t.read(decoder, "payload", payload);
    if let Some(tombstones) = t.read(decoder, "tombstones", values::probability) {
        load.tombstones = tombstones;
    }
    load.limit = t.read(decoder, "limit", values::count(1..=CALLS_MAX));
    let dropped = t.read_list(decoder, "drop", call_range).unwrap_or_default();
    load.drop = apart(dropped);
    load
}

/// A class, or a ratio in whole hundredths.
pub(super) fn payload(value: &Value) -> Result<Payload, Wrong> {
    const CLASSES: &[(&str, Payload)] = &[
        ("json", Payload::Json),
        ("logs", Payload::Logs),
        ("mixed", Payload::Mixed),
        ("random", Payload::Random),
    ];
    let ratio = match value {
        Value::Text(text) if !text.trim().ends_with('%') => {
            return values::choice(CLASSES)(value);
        }
        _ => values::probability(value),
    };
    let hundredths = ratio.ok().and_then(|r| {
        let scaled = r.numerator.checked_mul(100)?;
        (scaled % r.denominator == 0).then(|| scaled / r.denominator)
    });
    let percent = hundredths.and_then(|n| u8::try_from(n).ok()).filter(|n| *n > 0);
    percent.map(Payload::Percent).ok_or_else(|| {
        Wrong::new("scenario::payload", format!("{} is no ratio of compression", value.describe()))
            .help("what is left of a byte, from 0.01 to 1 with two decimals, like 0.25 or \"25%\"")
    })
}

/// A number, or a range without its end.
fn call_range(value: &Value) -> Result<CallRange, Wrong> {
    let text = values::text(value)?;
    let number = |text: &str| text.parse::<u64>().ok().filter(|n| *n <= CALLS_MAX);
    let range = match text.split_once("..") {
        Some((from, until)) => number(from).zip(number(until)),
        None => number(&text).map(|from| (from, from + 1)),
    };
    let range = range.filter(|(from, until)| from < until);
    range.map(|(from, until)| CallRange { from, until }).ok_or_else(|| {
        let short: String = text.chars().take(40).collect();
        Wrong::new("scenario::load", format!("{short:?} names no calls"))
            .help("a number like \"17\", or a range without its end like \"100..200\"")
    })
}

/// Ranges in order, those that touch as one.
fn apart(mut ranges: Vec<CallRange>) -> Vec<CallRange> {
    ranges.sort_unstable();
    let mut out: Vec<CallRange> = Vec::new();
    for range in ranges {
        match out.last_mut() {
            Some(last) if range.from <= last.until => last.until = last.until.max(range.until),
            _ => out.push(range),
        }
    }
    out
}

fn arrivals(decoder: &mut Decoder, t: &Fields<'_>) -> Option<Arrivals> {
    const MODELS: &[(&str, bool)] = &[("open", true), ("closed", false)];
    let open = t.require(decoder, "model", values::choice(MODELS))?;
    if open {
        t.refuse(decoder, &["callers", "think"], "open arrivals have no callers who wait");
        let shape = t.read(decoder, "shape", shape).unwrap_or(Shape::Poisson);
        let rate = t.require(decoder, "rate", values::rate);
        Some(Arrivals::Open { rate: rate.unwrap_or(Rate { micro_per_second: 1 }), shape })
    } else {
        t.refuse(decoder, &["rate", "shape"], "closed callers call when they have their answer");
        let callers = t.require(decoder, "callers", values::small(1..=100_000)).unwrap_or(1);
        let think = t.read(decoder, "think", values::duration_distribution);
        Some(Arrivals::Closed { callers, think: think.unwrap_or(Distribution::Constant(0)) })
    }
}

fn shape(value: &Value) -> Result<Shape, Wrong> {
    let text = values::text(value)?;
    match (text.as_str(), values::call(&text)) {
        ("poisson", _) => Ok(Shape::Poisson),
        ("constant", _) => Ok(Shape::Constant),
        (_, Some(("burst", arguments))) => match arguments.as_slice() {
            [burst] => {
                let burst = number(burst, 1_000_000)?;
                Ok(Shape::Burst { burst: u32::try_from(burst).expect("at most a million") })
            }
            _ => Err(Wrong::new("scenario::load", "burst takes one number, like \"burst(100)\"")),
        },
        _ => Err(values::unknown_word(&text, ["poisson", "constant", "burst(N)"].into_iter())),
    }
}

fn keys(value: &Value) -> Result<Keys, Wrong> {
    const KEYS_MAX: u64 = 4_000_000_000;
    // Zipf's law keeps a table of all its keys.
    const RANKS_MAX: u64 = 10_000_000;
    let text = values::text(value)?;
    let forms = ["unique", "none", "uniform(N)", "zipf(N, S)"];
    match text.as_str() {
        "unique" => return Ok(Keys::Unique),
        "none" => return Ok(Keys::None),
        _ => {}
    }
    let Some((function, arguments)) = values::call(&text) else {
        return Err(values::unknown_word(&text, forms.into_iter()));
    };
    match (function, arguments.as_slice()) {
        ("uniform", [n]) => Ok(Keys::Uniform { n: number(n, KEYS_MAX)? }),
        ("zipf", [n, s]) => {
            let s_millionths = Decimal::read(s)
                .filter(|d| !d.negative)
                .and_then(|d| d.times(1_000_000))
                .filter(|s| *s <= 10_000_000)
                .ok_or_else(|| {
                    Wrong::new("scenario::load", format!("{s:?} is no exponent of Zipf's law"))
                        .help("a number from 0 to 10 with at most six decimals, like 1.1")
                })?;
            Ok(Keys::Zipf { n: number(n, RANKS_MAX)?, s_millionths })
        }
        _ => Err(values::unknown_word(&text, forms.into_iter())),
    }
}

fn number(text: &str, max: u64) -> Result<u64, Wrong> {
    let found = Decimal::read(text).filter(|d| !d.negative).and_then(|d| d.times(1));
    found.filter(|n| (1..=max).contains(n)).ok_or_else(|| {
        let short: String = text.chars().take(40).collect();
        Wrong::new("scenario::load", format!("{short:?} is no number from 1 to {max}"))
    })
}
