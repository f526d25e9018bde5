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

/// A tick of an axis of counts: `0`, `400`, `45 k`, `2.5 M`.
#[must_use]
pub fn tick(value: f64) -> String {
    let (scaled, unit) = match value.abs() {
        size if size >= 999_950.0 => (value / 1e6, " M"),
        size if size >= 9_999.5 => (value / 1e3, " k"),
        _ => (value, ""),
    };
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
    use super::{duration_ms, grouped, tick};

    #[test]
    fn digits_are_grouped_by_three() {
        let texts: Vec<String> = [0, 999, 1_000, 45_000, 1_234_567].map(grouped).into();
        assert_eq!(texts, ["0", "999", "1,000", "45,000", "1,234,567"]);
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
    }
}
