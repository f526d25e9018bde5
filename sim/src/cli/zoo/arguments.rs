//! The arguments of `assize zoo`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::super::args::{Format, THREADS_MAX, assignment, wall_time};

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
    /// Measure how long each entry is searched for
    Table(ZooTableArgs),
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
    #[arg(long = "for", value_name = "TIME", default_value = "60s", value_parser = wall_time)]
    pub(super) cap: u64,
    /// Make what was found small for at most this long
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = wall_time)]
    pub(super) budget: u64,
    /// Leave what was found as it is
    #[arg(long)]
    pub(super) no_shrink: bool,
    /// Write what was made small, and the report of its run, to this folder
    #[arg(long, value_name = "DIR", conflicts_with = "no_shrink")]
    pub(super) out: Option<PathBuf>,
    /// Set a further value of the scenario, as in `--set search.at_events=0`; may be repeated
    #[arg(long = "set", value_name = "PATH=VALUE", value_parser = assignment)]
    pub(super) set: Vec<(String, String)>,
    /// Runs at a time [default: one for each processor]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=THREADS_MAX))]
    pub(super) threads: Option<u16>,
    /// How the result is printed
    #[arg(long, value_enum, default_value_t)]
    pub(super) format: Format,
}

/// How faults are placed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(super) enum BiasName {
    /// Mostly at events of the protocol, as the universes say
    Events,
    /// Each at a time of its own
    Blind,
}

#[derive(Clone, Debug, Args)]
pub(super) struct ZooTableArgs {
    /// The entries [default: all]
    #[arg(value_name = "ID")]
    pub(super) ids: Vec<String>,
    /// Searches for each entry, each with seeds of its own
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=1_000))]
    pub(super) restarts: u64,
    /// Give up a search after this long
    #[arg(long = "for", value_name = "TIME", default_value = "60s", value_parser = wall_time)]
    pub(super) cap: u64,
    /// Only with faults placed in this way [default: first the one, then the other]
    #[arg(long, value_name = "BIAS")]
    pub(super) bias: Option<BiasName>,
    /// Leave out further searches for an entry when so many found nothing and none anything
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) give_up: Option<u64>,
    /// Make what was found small in so many restarts of each entry, where faults come at events
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub(super) shrinks: u64,
    /// Make a failure small for at most this long
    #[arg(long, value_name = "TIME", default_value = "20s", value_parser = wall_time)]
    pub(super) budget: u64,
    /// The seed at which the first restart begins; each later one begins ten million further
    #[arg(long, value_name = "SEED", default_value_t = 1_000_000_000)]
    pub(super) from: u64,
    /// The folder that remembers what is done: the same command goes on where it was
    #[arg(long, value_name = "DIR", default_value = "target/zoo")]
    pub(super) state: PathBuf,
    /// Put the table between the marks of this document, as in docs/zoo.md
    #[arg(long, value_name = "FILE")]
    pub(super) write: Option<PathBuf>,
    /// Runs at a time [default: one for each processor]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=THREADS_MAX))]
    pub(super) threads: Option<u16>,
    /// How the table is printed: as JSON one object an entry
    #[arg(long, value_enum, default_value_t)]
    pub(super) format: Format,
}
