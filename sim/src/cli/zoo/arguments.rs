//! The arguments of `assize zoo`.

use clap::{Args, Subcommand};

use super::super::args::{Format, assignment};

#[derive(Clone, Debug, Args)]
pub(in crate::cli) struct ZooArgs {
    #[command(subcommand)]
    pub(super) command: ZooCommand,
}

#[derive(Clone, Debug, Subcommand)]
pub(super) enum ZooCommand {
    /// List the entries
    List(ZooListArgs),
    /// Search for one entry until it is found
    Run(ZooRunArgs),
}

#[derive(Clone, Debug, Args)]
pub(super) struct ZooListArgs {
    /// How the list is printed: as JSON one object an entry
    #[arg(long, value_enum, default_value_t)]
    pub(super) format: Format,
}

#[derive(Clone, Debug, Args)]
pub(super) struct ZooRunArgs {
    /// The entry, as `assize zoo list` names it
    #[arg(value_name = "ID")]
    pub(super) id: String,
    /// The first seed
    #[arg(long, value_name = "SEED", default_value_t = 0)]
    pub(super) from: u64,
    /// Give up after this long, as in 90s or 2m
    #[arg(long = "for", value_name = "TIME", default_value = "60s", value_parser = seconds)]
    pub(super) cap: u64,
    /// Set a further value of the scenario, as in `--set search.at_events=0`; may be repeated
    #[arg(long = "set", value_name = "PATH=VALUE", value_parser = assignment)]
    pub(super) set: Vec<(String, String)>,
    /// Runs at a time [default: one for each processor]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(super) threads: Option<u16>,
    /// How the result is printed
    #[arg(long, value_enum, default_value_t)]
    pub(super) format: Format,
}

/// Whole seconds of at least one.
pub(super) fn seconds(text: &str) -> Result<u64, String> {
    let wrong = || "write a time of at least a second, as in 90s or 2m".to_owned();
    let text = text.trim();
    let (number, unit) = match text.split_at_checked(text.len().saturating_sub(1)) {
        Some((number, "s")) => (number, 1),
        Some((number, "m")) => (number, 60),
        Some((number, "h")) => (number, 3_600),
        _ => return Err(wrong()),
    };
    let number: u64 = number.trim().parse().map_err(|_| wrong())?;
    number.checked_mul(unit).filter(|seconds| *seconds > 0).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::seconds;

    #[test]
    fn times_are_read_in_seconds_minutes_and_hours() {
        assert_eq!((seconds("60s"), seconds("2m"), seconds("1h")), (Ok(60), Ok(120), Ok(3_600)));
        for wrong in ["", "s", "0s", "60", "1.5m", "-1s", "5ms", "99999999999999999999s", "ä"] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }
}
