//! Numbers with units, read exactly: no floating point.

use crate::model::quantity::{Rate, Ratio};

/// Why a text is no such quantity.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Wrong {
    pub(crate) code: &'static str,
    pub(crate) message: String,
    pub(crate) help: Option<String>,
}

impl Wrong {
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), help: None }
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// A decimal number as written: `digits * 10^-scale`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Decimal {
    pub(crate) negative: bool,
    pub(crate) digits: u64,
    pub(crate) scale: u32,
}

impl Decimal {
    /// Reads `-12.5`, `1_000`, `2e3`, `1.5e-3`. None for anything else, or above 18 digits.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let (negative, text) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
            None => (text, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        if whole.is_empty() || mantissa.ends_with('.') {
            return None;
        }
        let fraction = fraction.trim_end_matches('0');
        let mut digits = 0_u64;
        for c in whole.chars().chain(fraction.chars()) {
            if c == '_' {
                continue;
            }
            digits = digits.checked_mul(10)?.checked_add(u64::from(c.to_digit(10)?))?;
        }
        let places = i32::try_from(fraction.chars().filter(|c| *c != '_').count()).ok()?;
        let mut scale = places.checked_sub(exponent)?;
        if digits == 0 {
            return Some(Self { negative: false, digits: 0, scale: 0 });
        }
        while scale < 0 {
            digits = digits.checked_mul(10)?;
            scale += 1;
        }
        while scale > 0 && digits.is_multiple_of(10) {
            digits /= 10;
            scale -= 1;
        }
        if scale > 18 {
            return None;
        }
        Some(Self { negative, digits, scale: u32::try_from(scale).ok()? })
    }

    /// Times a unit. None when the result is no integer or too large.
    pub(crate) fn times(self, unit: u64) -> Option<u64> {
        let product = u128::from(self.digits) * u128::from(unit);
        let divisor = 10_u128.pow(self.scale);
        if product % divisor != 0 { None } else { u64::try_from(product / divisor).ok() }
    }

    pub(crate) fn ratio(self) -> Ratio {
        Ratio { numerator: self.digits, denominator: 10_u64.pow(self.scale) }
    }
}

/// A family of units.
pub(crate) struct Units {
    pub(crate) code: &'static str,
    pub(crate) what: &'static str,
    pub(crate) example: &'static str,
    pub(crate) units: &'static [(&'static str, u64)],
}

/// Nanoseconds.
pub(crate) const DURATION: Units = Units {
    code: "scenario::duration",
    what: "duration",
    example: "250ms",
    units: &[
        ("ns", 1),
        ("us", 1_000),
        ("µs", 1_000),
        ("ms", 1_000_000),
        ("s", 1_000_000_000),
        ("m", 60_000_000_000),
        ("min", 60_000_000_000),
        ("h", 3_600_000_000_000),
        ("d", 86_400_000_000_000),
    ],
};

/// Bytes.
pub(crate) const SIZE: Units = Units {
    code: "scenario::size",
    what: "size",
    example: "64KiB",
    units: &[
        ("B", 1),
        ("kB", 1_000),
        ("KB", 1_000),
        ("MB", 1_000_000),
        ("GB", 1_000_000_000),
        ("TB", 1_000_000_000_000),
        ("KiB", 1 << 10),
        ("MiB", 1 << 20),
        ("GiB", 1 << 30),
        ("TiB", 1 << 40),
    ],
};

/// Bits per second.
pub(crate) const BITS_PER_SECOND: Units = Units {
    code: "scenario::bandwidth",
    what: "network bandwidth",
    example: "2.5Gb/s",
    units: &[
        ("b/s", 1),
        ("kb/s", 1_000),
        ("Mb/s", 1_000_000),
        ("Gb/s", 1_000_000_000),
        ("B/s", 8),
        ("kB/s", 8_000),
        ("MB/s", 8_000_000),
        ("GB/s", 8_000_000_000),
    ],
};

/// Bytes per second.
pub(crate) const BYTES_PER_SECOND: Units = Units {
    code: "scenario::bandwidth",
    what: "bandwidth in bytes",
    example: "287.5MB/s",
    units: &[
        ("B/s", 1),
        ("kB/s", 1_000),
        ("MB/s", 1_000_000),
        ("GB/s", 1_000_000_000),
        ("KiB/s", 1 << 10),
        ("MiB/s", 1 << 20),
        ("GiB/s", 1 << 30),
    ],
};

/// Micro-events per second.
const RATE: Units = Units {
    code: "scenario::rate",
    what: "rate",
    example: "45000/s",
    units: &[("/s", 3_600_000_000), ("/min", 60_000_000), ("/m", 60_000_000), ("/h", 1_000_000)],
};

impl Units {
    /// Reads a number with a unit.
    pub(crate) fn read(&self, text: &str) -> Result<u64, Wrong> {
        let text = text.trim();
        let number_end = text
            .char_indices()
            .find(|(_, c)| !(c.is_ascii_digit() || matches!(c, '.' | '-' | '+' | '_')))
            .map_or(text.len(), |(i, _)| i);
        let (number, unit) = (&text[..number_end], text[number_end..].trim());
        let what = self.what;
        let Some(decimal) = Decimal::read(number) else {
            return Err(Wrong::new(self.code, format!("{text:?} is not a {what}"))
                .help(format!("write a number with a unit, like {:?}", self.example)));
        };
        if decimal.negative {
            return Err(Wrong::new(self.code, format!("a {what} cannot be negative: {text:?}"))
                .help(format!("write it without the sign, like {:?}", self.example)));
        }
        let names = || self.units.iter().map(|(n, _)| *n).collect::<Vec<_>>().join(", ");
        if unit.is_empty() {
            return Err(Wrong::new(self.code, format!("a {what} needs a unit: {text:?}"))
                .help(format!("one of {}, like {:?}", names(), self.example)));
        }
        let Some((_, factor)) = self.units.iter().find(|(name, _)| *name == unit) else {
            return Err(Wrong::new(self.code, format!("`{unit}` is not a unit of a {what}"))
                .help(format!("one of {}, like {:?}", names(), self.example)));
        };
        decimal.times(*factor).filter(|v| *v <= VALUE_MAX).ok_or_else(|| {
            Wrong::new(self.code, format!("{text:?} is too large or too fine for a {what}"))
                .help("at most about 146 years, 4 exabytes; whole nanoseconds and bytes")
        })
    }
}

/// No quantity is above this, so that sums of a few cannot overflow.
const VALUE_MAX: u64 = 1 << 62;

/// Reads `45000/s`. Rates above a thousand million a second are refused.
pub(crate) fn rate(text: &str) -> Result<Rate, Wrong> {
    // In micro-events per hour first, because a rate per hour is no whole number per second.
    let micro_per_hour = RATE.read(text)?;
    let micro_per_second = micro_per_hour / 3_600;
    if micro_per_second == 0 || micro_per_second > 1_000_000_000_000_000 {
        return Err(Wrong::new(RATE.code, format!("{text:?} is out of range for a rate"))
            .help("above zero, at most 1000000000/s"));
    }
    Ok(Rate { micro_per_second })
}

/// Writes nanoseconds in the largest unit that is exact.
pub(crate) fn write_duration(nanos: u64) -> String {
    for (unit, factor) in [("s", 1_000_000_000_u64), ("ms", 1_000_000), ("us", 1_000), ("ns", 1)] {
        if nanos.is_multiple_of(factor) {
            return format!("{}{unit}", nanos / factor);
        }
    }
    unreachable!("every number is a multiple of one")
}

/// Writes millionths as a decimal.
pub(crate) fn write_millionths(value: u64) -> String {
    write_ratio(Ratio { numerator: value, denominator: 1_000_000 })
}

/// Writes a ratio with a power of ten below it as a decimal with a point.
pub(crate) fn write_ratio(ratio: Ratio) -> String {
    let whole = ratio.numerator / ratio.denominator;
    let rest = ratio.numerator % ratio.denominator;
    let places = ratio.denominator.ilog10() as usize;
    let fraction = format!("{rest:0places$}");
    let fraction = fraction.trim_end_matches('0');
    if places == 0 || fraction.is_empty() {
        format!("{whole}.0")
    } else {
        format!("{whole}.{fraction}")
    }
}

#[cfg(test)]
mod tests {
    use super::{DURATION, Decimal, SIZE, rate, write_duration, write_ratio};
    use crate::model::quantity::Ratio;

    #[test]
    fn decimals_are_exact() {
        assert_eq!(Decimal::read("1.5").and_then(|d| d.times(1_000)), Some(1_500));
        assert_eq!(Decimal::read("1.5e-3").and_then(|d| d.times(1_000_000)), Some(1_500));
        assert_eq!(Decimal::read("2e3").and_then(|d| d.times(1)), Some(2_000));
        assert_eq!(Decimal::read("0.0001").and_then(|d| d.times(1_000)), None, "too fine");
        for bad in ["", ".", "1.", ".5", "1e", "1e99", "nan", "inf", "1..2", "--1", "1 2"] {
            assert_eq!(Decimal::read(bad), None, "{bad}");
        }
    }

    #[test]
    fn units_are_read_and_refused() {
        assert_eq!(DURATION.read("60us"), Ok(60_000));
        assert_eq!(DURATION.read("1.5 s"), Ok(1_500_000_000));
        assert_eq!(SIZE.read("64KiB"), Ok(65_536));
        for bad in ["5", "5 parsecs", "-5s", "s", "", "1e9s", "99999999999999d"] {
            assert!(DURATION.read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn rates_count_millionths() {
        assert_eq!(rate("45000/s").map(|r| r.micro_per_second), Ok(45_000_000_000));
        assert_eq!(rate("0.5/s").map(|r| r.micro_per_second), Ok(500_000));
        assert_eq!(rate("60/m").map(|r| r.micro_per_second), Ok(1_000_000));
        assert!(rate("0/s").is_err());
        assert!(rate("45000").is_err());
    }

    #[test]
    fn writing_reads_back() {
        for nanos in [0, 1, 999, 1_000, 1_500_000, 3_600_000_000_000] {
            assert_eq!(DURATION.read(&write_duration(nanos)), Ok(nanos));
        }
        assert_eq!(write_ratio(Ratio { numerator: 5, denominator: 100 }), "0.05");
        assert_eq!(write_ratio(Ratio { numerator: 10, denominator: 1 }), "10.0");
    }
}
