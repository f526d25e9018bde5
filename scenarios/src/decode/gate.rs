//! `[gate]`: a small language of quantities and bounds.

use crate::decode::place::name;
use crate::decoder::Decoder;
use crate::model::gate::{Comparison, Gate, LagField, LatencyMetric, Phase, Quantity, Statistic};
use crate::tree::{Node, Value};
use crate::units::{DURATION, Decimal, Wrong, rate};
use crate::values;

const PHASES: [(&str, Phase); 4] = [
    ("steady", Phase::Steady),
    ("fault", Phase::Fault),
    ("recovery", Phase::Recovery),
    ("all", Phase::All),
];

/// All of `[gate]`.
pub(super) fn gates(decoder: &mut Decoder, node: Option<&Node>) -> Vec<Gate> {
    let Some(node) = node else { return Vec::new() };
    let Value::Table(table) = &node.value else {
        decoder.wrong("gate", &node.place, values::kind("a table", &node.value));
        return Vec::new();
    };
    let mut gates = Vec::new();
    for entry in &table.entries {
        let short: String = entry.key.chars().take(60).collect();
        let path = format!("gate.{short:?}");
        let quantity = match quantity(&entry.key) {
            Ok(quantity) => quantity,
            Err(wrong) => {
                decoder.wrong(&path, &entry.place, wrong);
                continue;
            }
        };
        match values::text(&entry.node.value).and_then(|text| bound(&quantity, &text)) {
            Ok((comparison, bound)) => {
                gates.push(Gate { text: entry.key.clone(), quantity, comparison, bound });
            }
            Err(wrong) => decoder.wrong(&path, &entry.node.place, wrong),
        }
    }
    gates
}

fn no_quantity(text: &str) -> Wrong {
    let short: String = text.chars().take(60).collect();
    Wrong::new("scenario::gate", format!("{short:?} is no quantity that a gate can bound")).help(
        "one of p99(METRIC, PHASE), mean(...), max(...) with METRIC end_to_end, produce or a \
         service and PHASE steady, fault, recovery or all; lag(GROUP).end_records, .max_records, \
         .max_seconds; recovery_time; reassignment_time; throughput(TOPIC)",
    )
}

fn quantity(text: &str) -> Result<Quantity, Wrong> {
    let text = text.trim();
    if text == "recovery_time" {
        return Ok(Quantity::RecoveryTime);
    }
    if text == "reassignment_time" {
        return Ok(Quantity::ReassignmentTime);
    }
    if let Some(rest) = text.strip_prefix("lag(") {
        let (group, field) = rest.split_once(").").ok_or_else(|| no_quantity(text))?;
        let field = match field {
            "end_records" => LagField::EndRecords,
            "max_records" => LagField::MaxRecords,
            "max_seconds" => LagField::MaxSeconds,
            other => {
                let known = ["end_records", "max_records", "max_seconds"];
                return Err(values::unknown_word(other, known.into_iter()));
            }
        };
        return Ok(Quantity::Lag { group: name(group.trim())?, field });
    }
    let (function, arguments) = values::call(text).ok_or_else(|| no_quantity(text))?;
    if let ("throughput", [topic]) = (function, arguments.as_slice()) {
        return Ok(Quantity::Throughput { topic: name(topic)? });
    }
    let statistic = statistic(function).ok_or_else(|| no_quantity(text))?;
    let (metric, phase) = match arguments.as_slice() {
        [metric] => (*metric, Phase::All),
        [metric, phase] => {
            let found = PHASES.iter().find(|(name, _)| name == phase);
            let known = PHASES.iter().map(|(name, _)| *name);
            (*metric, found.ok_or_else(|| values::unknown_word(phase, known))?.1)
        }
        _ => return Err(no_quantity(text)),
    };
    let metric = match metric {
        "end_to_end" => LatencyMetric::EndToEnd,
        "produce" => LatencyMetric::Produce,
        stage => LatencyMetric::Stage(name(stage)?),
    };
    Ok(Quantity::Latency { statistic, metric, phase })
}

fn statistic(text: &str) -> Option<Statistic> {
    match text {
        "mean" => Some(Statistic::Mean),
        "max" => Some(Statistic::Max),
        _ => {
            let mut percent = Decimal::read(text.strip_prefix('p')?)?;
            // Latencies are kept in classes that tell hundred-thousandths apart.
            percent.scale += 2;
            let told_apart = percent.times(100_000).is_some();
            if percent.negative || percent.scale > 12 || !told_apart {
                return None;
            }
            let ratio = percent.ratio();
            let inside = ratio.numerator > 0 && ratio.numerator <= ratio.denominator;
            inside.then_some(Statistic::Percentile(ratio))
        }
    }
}

/// `< 250ms`, `== 0`, `>= 40000/s`.
fn bound(quantity: &Quantity, text: &str) -> Result<(Comparison, u64), Wrong> {
    const SIGNS: [(&str, Comparison); 5] = [
        ("<=", Comparison::AtMost),
        (">=", Comparison::AtLeast),
        ("==", Comparison::Equal),
        ("<", Comparison::Less),
        (">", Comparison::Greater),
    ];
    let text = text.trim();
    let found =
        SIGNS.iter().find_map(|(sign, comparison)| Some((*comparison, text.strip_prefix(sign)?)));
    let Some((comparison, rest)) = found else {
        let short: String = text.chars().take(40).collect();
        return Err(Wrong::new("scenario::gate", format!("{short:?} is no comparison"))
            .help("begin with <, <=, >, >= or ==, like \"< 250ms\""));
    };
    let rest = rest.trim();
    let bound = match quantity {
        Quantity::Latency { .. }
        | Quantity::RecoveryTime
        | Quantity::ReassignmentTime
        | Quantity::Lag { field: LagField::MaxSeconds, .. } => DURATION.read(rest)?,
        Quantity::Throughput { .. } => rate(rest)?.micro_per_second,
        Quantity::Lag { .. } => {
            let number = Decimal::read(rest).filter(|d| !d.negative);
            number.and_then(|d| d.times(1)).ok_or_else(|| {
                Wrong::new("scenario::gate", "lag is counted in records")
                    .help("a whole number, like \"== 0\" or \"< 1000\"")
            })?
        }
    };
    Ok((comparison, bound))
}

#[cfg(test)]
mod tests {
    use super::{bound, quantity};
    use crate::model::gate::{Comparison, LagField, LatencyMetric, Phase, Quantity, Statistic};
    use crate::model::quantity::Ratio;

    #[test]
    fn quantities() {
        let p99 = Statistic::Percentile(Ratio { numerator: 99, denominator: 100 });
        assert_eq!(
            quantity("p99(end_to_end, steady)"),
            Ok(Quantity::Latency {
                statistic: p99,
                metric: LatencyMetric::EndToEnd,
                phase: Phase::Steady
            })
        );
        assert_eq!(
            quantity("lag(payment).end_records"),
            Ok(Quantity::Lag { group: "payment".into(), field: LagField::EndRecords })
        );
        for bad in [
            "",
            "p0(produce)",
            "p101(produce)",
            "p99",
            "p99()",
            "lag(x)",
            "lag(x).foo",
            "throughput(a, b)",
            "p99(produce, sometimes)",
            "px(produce)",
            "(",
            ")",
            "lag().",
        ] {
            assert!(quantity(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn bounds() {
        let lag = quantity("lag(g).end_records").expect("a quantity");
        assert_eq!(bound(&lag, "== 0"), Ok((Comparison::Equal, 0)));
        let produce = quantity("p99.9(produce)").expect("a quantity");
        assert_eq!(bound(&produce, "<= 1ms"), Ok((Comparison::AtMost, 1_000_000)));
        assert!(bound(&produce, "< 5").is_err(), "no unit");
        assert!(bound(&produce, "5ms").is_err(), "no comparison");
        let throughput = quantity("throughput(orders)").expect("a quantity");
        assert_eq!(bound(&throughput, "> 1/s"), Ok((Comparison::Greater, 1_000_000)));
    }
}
