//! Numbers for people: grouped digits, three significant digits of time.

/// `45,000`.
#[must_use]
pub fn grouped(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 run`, `45,000 runs`.
#[must_use]
pub fn counted(count: u64, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", grouped(count))
}

/// Milliseconds with as many digits as carry meaning: `0.42 ms`, `12.3 ms`, `9.05 s`.
#[must_use]
pub fn duration_ms(ms: f64) -> String {
    match ms {
        _ if ms < 10.0 => format!("{ms:.2} ms"),
        _ if ms < 100.0 => format!("{ms:.1} ms"),
        _ if ms < 1_000.0 => format!("{ms:.0} ms"),
        _ if ms < 10_000.0 => format!("{:.2} s", ms / 1e3),
        _ if ms < 100_000.0 => format!("{:.1} s", ms / 1e3),
        _ => format!("{:.0} s", ms / 1e3),
    }
}

/// Seconds: `27.4 s`.
#[must_use]
pub fn seconds(value: f64) -> String {
    if value < 10.0 { format!("{value:.2} s") } else { format!("{value:.1} s") }
}

/// A rate: `45,000`, and with three digits where it is small: `0.27`.
#[must_use]
pub fn rate(value: f64) -> String {
    match value {
        _ if value >= 99.95 || value == 0.0 => grouped(value.round() as u64),
        _ if value >= 9.995 => trimmed(format!("{value:.1}")),
        _ => trimmed(format!("{value:.2}")),
    }
}

/// Without zeros behind the last digit that says something.
fn trimmed(text: String) -> String {
    if !text.contains('.') {
        return text;
    }
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A tick of an axis, with as many digits as tell it from its neighbors: `0`, `0.05`, `12.35 k`.
#[must_use]
pub fn tick(value: f64) -> String {
    let (scaled, unit) = scaled(value);
    let digits = if scaled.abs() < 0.1 { 6 } else { 3 };
    format!("{}{unit}", trimmed(format!("{scaled:.digits$}")))
}

/// A value and its unit of thousands.
fn scaled(value: f64) -> (f64, &'static str) {
    match value.abs() {
        size if size >= 999_950.0 => (value / 1e6, " M"),
        size if size >= 9_999.5 => (value / 1e3, " k"),
        _ => (value, ""),
    }
}

/// A count in few letters: `0`, `400`, `45 k`, `2.5 M`.
#[must_use]
pub fn short(value: f64) -> String {
    let (scaled, unit) = scaled(value);
    let text = if (scaled - scaled.round()).abs() < 0.01 {
        format!("{scaled:.0}")
    } else {
        format!("{scaled:.1}")
    };
    format!("{text}{unit}")
}

/// A share of capacity: `42%`.
#[must_use]
pub fn percent(share: f64) -> String {
    format!("{:.0}%", share * 100.0)
}

#[cfg(test)]
mod tests {
    use super::{counted, duration_ms, grouped, rate, short, tick};

    #[test]
    fn digits_are_grouped_by_three() {
        let texts: Vec<String> = [0, 999, 1_000, 45_000, 1_234_567].map(grouped).into();
        assert_eq!(texts, ["0", "999", "1,000", "45,000", "1,234,567"]);
        let texts = [0, 1, 2_000].map(|count| counted(count, "run"));
        assert_eq!(texts, ["0 runs", "1 run", "2,000 runs"]);
    }

    #[test]
    fn times_keep_three_digits() {
        let texts: Vec<String> = [0.42, 12.34, 250.4, 9_050.0, 12_345.0].map(duration_ms).into();
        assert_eq!(texts, ["0.42 ms", "12.3 ms", "250 ms", "9.05 s", "12.3 s"]);
    }

    #[test]
    fn ticks_are_short() {
        let texts: Vec<String> = [0.0, 0.5, 400.0, 9_000.0, 45_000.0, 2.5e6].map(tick).into();
        assert_eq!(texts, ["0", "0.5", "400", "9000", "45 k", "2.5 M"]);
        let texts: Vec<String> = [0.0, 0.5, 400.0, 9_012.3, 45_040.0, 2.5e6].map(short).into();
        assert_eq!(texts, ["0", "0.5", "400", "9012.3", "45.0 k", "2.5 M"]);
    }

    /// Of an axis no two ticks read the same.
    #[test]
    fn neighbors_are_told_apart() {
        for step in [0.001_f64, 0.02, 0.025, 0.25, 20.0, 25.0, 50.0, 2_500.0, 25_000.0] {
            for first in [0.0, 12_000.0, 990_000.0] {
                let texts: Vec<String> =
                    (0..6).map(|n| tick(step.mul_add(f64::from(n), first))).collect();
                let mut apart = texts.clone();
                apart.dedup();
                // Nobody shows thousandths of ten thousands.
                if first == 0.0 || step >= 20.0 {
                    assert_eq!(texts, apart);
                }
            }
        }
    }

    #[test]
    fn small_rates_are_not_nothing() {
        let texts: Vec<String> = [0.0, 0.27, 3.4, 42.94, 45_000.2].map(rate).into();
        assert_eq!(texts, ["0", "0.27", "3.4", "42.9", "45,000"]);
    }
}
