//! The arguments.

use std::ops::Range;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

mod value;

use reports::checker::Anomaly;

use super::scope::Kind;
use super::zoo::ZooArgs;
pub(super) use value::{Shard, THREADS_MAX, assignment, shard, wall_time};
use value::{anomaly, seeds, span};

/// A seeded deterministic simulator and load-test harness for Kafka-style event pipelines.
#[derive(Debug, Parser)]
#[command(name = "assize", version, about, disable_help_subcommand = true)]
#[command(after_help = "Exit codes: 0 as the scenario expects; 10 safety, 11 liveness, 12 gate, \
    13 inconclusive, 14 not deterministic; 64 usage, 65 scenario, 70 a bug in assize, \
    75 the machine refused, 130 interrupted.")]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run a scenario once
    Run(RunArgs),
    /// Run scenarios under many seeds
    Sweep(SweepArgs),
    /// Bring the records of a sweep's shards together
    Merge(MergeArgs),
    /// Run once for each thing that a fault's target does, with the fault behind it
    Steps(StepsArgs),
    /// Run once for each single thing that can go wrong in a run
    Scope(ScopeArgs),
    /// Run again what a token or a regression file names
    Replay(ReplayArgs),
    /// Make a failure as small as it gets, and write it as a scenario file
    Shrink(ShrinkArgs),
    /// Run twice and compare: the same seed must give the same run
    Meta(MetaArgs),
    /// Read and check scenario files without running them
    Check(CheckArgs),
    /// List the scenarios that are here
    List(ListArgs),
    /// Search for published bugs of Kafka, each under the rule of its day
    Zoo(ZooArgs),
    /// Tell what Kafka's configuration keys are, and what they do here
    Explain(ExplainArgs),
    /// Run scripts of requests against the model and print them with its replies
    Dialogue(DialogueArgs),
}

/// What one line of results looks like.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub(super) enum Format {
    /// Text for people
    #[default]
    Human,
    /// One JSON object a run, on one line
    Json,
}

/// Who drives the event loop.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(super) enum DriverName {
    /// The bare event loop
    Bare,
    /// A task of a madsim runtime, which needs a build with `--cfg madsim`
    Hosted,
}

/// Flags that decide what is run.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct Flags {
    /// Set a value of the scenario, as in `--set cluster.brokers=5`; may be repeated
    #[arg(long = "set", value_name = "PATH=VALUE", value_parser = assignment)]
    pub(super) set: Vec<(String, String)>,
    /// Who drives the event loop; the run is the same [default: what the scenario says]
    #[arg(long, value_name = "DRIVER")]
    pub(super) driver: Option<DriverName>,
    /// How results are printed
    #[arg(long, value_enum, default_value_t)]
    pub(super) format: Format,
}

#[derive(Clone, Debug, Args)]
pub(super) struct RunArgs {
    /// The scenario file
    #[arg(value_name = "FILE")]
    pub(super) file: PathBuf,
    /// The seed [default: what the scenario says, else 0]
    #[arg(long, value_name = "N")]
    pub(super) seed: Option<u64>,
    /// Write report.html, summary.json, junit.xml and summary.md to this folder
    #[arg(long, value_name = "DIR")]
    pub(super) out: Option<PathBuf>,
    /// Tell what happened in a run that fails, in order of events
    #[arg(long)]
    pub(super) story: bool,
    /// Write the run with its drawn fault times to scenarios/regressions/
    #[arg(long)]
    pub(super) write_regression: bool,
    #[command(flatten)]
    pub(super) flags: Flags,
}

#[derive(Clone, Debug, Args)]
pub(super) struct SweepArgs {
    /// The scenario files
    #[arg(value_name = "FILE", required_unless_present = "resume")]
    pub(super) files: Vec<PathBuf>,
    /// The seeds: `0..100` is 0 to 99, `0..=100` is 0 to 100
    #[arg(long, value_name = "A..B", value_parser = seeds)]
    #[arg(required_unless_present_any = ["time", "resume"])]
    pub(super) seeds: Option<Range<u64>>,
    /// Begin no run after so long, as in `10m`: seed by seed, each with every file, from 0 or as
    /// `--seeds` says
    #[arg(long = "for", value_name = "TIME", value_parser = wall_time)]
    pub(super) time: Option<u64>,
    /// Take every Nth run, from the Ith on: N processes share a sweep
    #[arg(long, value_name = "I/N", value_parser = shard)]
    pub(super) shard: Option<Shard>,
    /// Runs at a time [default: one for each processor]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=THREADS_MAX))]
    pub(super) threads: Option<u16>,
    /// Keep a record of each run in this folder, and the report of the first run that is not as
    /// expected
    #[arg(long, value_name = "DIR", conflicts_with = "resume")]
    pub(super) out: Option<PathBuf>,
    /// Go on with the records of this folder where they end
    #[arg(long, value_name = "DIR")]
    pub(super) resume: Option<PathBuf>,
    /// Tell what the runs reached and what none of them did
    #[arg(long)]
    pub(super) coverage: bool,
    /// Keep plans that reach something new, and change them
    #[arg(long)]
    pub(super) guided: bool,
    /// Draw also faults that take away what the configuration promises to keep
    #[arg(long)]
    pub(super) beyond_spec: bool,
    /// Write the first run that is not as expected to scenarios/regressions/
    #[arg(long)]
    pub(super) write_regression: bool,
    #[command(flatten)]
    pub(super) flags: Flags,
}

#[derive(Clone, Debug, Args)]
pub(super) struct MergeArgs {
    /// Folders with the records of all shards of one sweep
    #[arg(value_name = "DIR", required = true)]
    pub(super) folders: Vec<PathBuf>,
    /// Write the records of the whole sweep to this folder
    #[arg(long, value_name = "DIR")]
    pub(super) out: Option<PathBuf>,
    /// How the summary is printed
    #[arg(long, value_enum, default_value_t)]
    pub(super) format: Format,
}

/// What becomes of a record whose consumer may crash.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(super) enum Delivery {
    /// It may be lost, and is not repeated
    AtMostOnce,
    /// It is not lost, and may be repeated
    AtLeastOnce,
    /// It is not lost and not repeated
    EffectivelyOnce,
    /// It may be lost, and may be repeated
    Neither,
}

#[derive(Clone, Debug, Args)]
pub(super) struct StepsArgs {
    /// The scenario file
    #[arg(value_name = "FILE")]
    pub(super) file: PathBuf,
    /// The fault that is moved from step to step [default: the only one]
    #[arg(long, value_name = "NAME")]
    pub(super) fault: Option<String>,
    /// The seed [default: what the scenario says, else 0]
    #[arg(long, value_name = "N")]
    pub(super) seed: Option<u64>,
    /// Take every Nth step only
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) every: u32,
    /// What the pipeline is to deliver; anything else is a failure
    #[arg(long, value_name = "CLASS")]
    pub(super) delivery: Option<Delivery>,
    /// Runs at a time [default: one for each processor]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=THREADS_MAX))]
    pub(super) threads: Option<u16>,
    #[command(flatten)]
    pub(super) flags: Flags,
}

#[derive(Clone, Debug, Args)]
pub(super) struct ScopeArgs {
    /// The scenario file
    #[arg(value_name = "FILE")]
    pub(super) file: PathBuf,
    /// Try these only; may be repeated [default: all]
    #[arg(long, value_name = "KIND")]
    pub(super) only: Vec<Kind>,
    /// The seed [default: what the scenario says, else 0]
    #[arg(long, value_name = "N")]
    pub(super) seed: Option<u64>,
    /// Take every Nth only
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) every: u32,
    /// How long a process is down that was killed
    #[arg(long, value_name = "TIME", value_parser = span, default_value = "1s")]
    pub(super) down: u64,
    /// How much later a late message comes
    #[arg(long, value_name = "TIME", value_parser = span, default_value = "5s")]
    pub(super) late: u64,
    /// Runs at a time [default: one for each processor]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=THREADS_MAX))]
    pub(super) threads: Option<u16>,
    #[command(flatten)]
    pub(super) flags: Flags,
}

#[derive(Clone, Debug, Args)]
pub(super) struct ReplayArgs {
    /// A token that a run printed, or a scenario file such as a regression
    #[arg(value_name = "TOKEN_OR_FILE")]
    pub(super) what: String,
    /// The seed of a file [default: what the scenario says, else 0]; a token names its own
    #[arg(long, value_name = "N")]
    pub(super) seed: Option<u64>,
    /// Print every event in words, and below it what the machines say happened
    #[arg(long)]
    pub(super) trace: bool,
    /// Stop before the event of this number
    #[arg(long, value_name = "EVENT")]
    pub(super) until: Option<u64>,
    /// Write the report to this folder
    #[arg(long, value_name = "DIR", conflicts_with = "until")]
    pub(super) out: Option<PathBuf>,
    /// Tell what happened in a run that fails, in order of events
    #[arg(long, conflicts_with_all = ["trace", "until"])]
    pub(super) story: bool,
    /// Who drives the event loop; the run is the same [default: what the scenario says]
    #[arg(long, value_name = "DRIVER", conflicts_with_all = ["trace", "until"])]
    pub(super) driver: Option<DriverName>,
    /// How the result is printed
    #[arg(long, value_enum, default_value_t)]
    pub(super) format: Format,
}

#[derive(Clone, Debug, Args)]
pub(super) struct ShrinkArgs {
    /// A token that a run printed, a scenario file, or a folder with the records of a sweep
    #[arg(value_name = "TOKEN_OR_FILE")]
    pub(super) what: String,
    /// The seed of a file [default: what the scenario says, else 0]; a token names its own
    #[arg(long, value_name = "N")]
    pub(super) seed: Option<u64>,
    /// Stop after so long with what there is then, as in `10s` or `5m`
    #[arg(long, value_name = "TIME", value_parser = wall_time, default_value = "60s")]
    pub(super) budget: u64,
    /// The anomaly to keep, by its name [default: what the file expects, else what came first]
    #[arg(long, value_name = "NAME", value_parser = anomaly)]
    pub(super) check: Option<Anomaly>,
    /// Write the file and the report of its run to this folder [default: the file alone to
    /// scenarios/regressions/]
    #[arg(long, value_name = "DIR")]
    pub(super) out: Option<PathBuf>,
    /// Runs at a time [default: one for each processor]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=THREADS_MAX))]
    pub(super) threads: Option<u16>,
    #[command(flatten)]
    pub(super) flags: Flags,
}

#[derive(Clone, Debug, Args)]
pub(super) struct MetaArgs {
    /// The scenario files
    #[arg(value_name = "FILE", required = true)]
    pub(super) files: Vec<PathBuf>,
    /// The seeds: `0..50` is 0 to 49 [default: the scenario's own]
    #[arg(long, value_name = "A..B", value_parser = seeds)]
    pub(super) seeds: Option<Range<u64>>,
    #[command(flatten)]
    pub(super) flags: Flags,
}

#[derive(Clone, Debug, Args)]
pub(super) struct CheckArgs {
    /// The scenario files
    #[arg(value_name = "FILE", required = true)]
    pub(super) files: Vec<PathBuf>,
    /// Set a value of the scenario; may be repeated
    #[arg(long = "set", value_name = "PATH=VALUE", value_parser = assignment)]
    pub(super) set: Vec<(String, String)>,
    /// How results are printed: as JSON one object a file
    #[arg(long, value_enum, default_value_t)]
    pub(super) format: Format,
}

#[derive(Clone, Debug, Args)]
pub(super) struct ListArgs {
    /// How the list is printed
    #[arg(long, value_enum, default_value_t)]
    pub(super) format: Format,
}

#[derive(Clone, Debug, Args)]
pub(super) struct ExplainArgs {
    /// The keys, as in Kafka's documentation [default: what there is, counted]
    #[arg(value_name = "KEY")]
    pub(super) keys: Vec<String>,
    /// How it is printed
    #[arg(long, value_enum, default_value_t)]
    pub(super) format: Format,
}

#[derive(Clone, Debug, Args)]
pub(super) struct DialogueArgs {
    /// The scripts
    #[arg(value_name = "FILE", required = true)]
    pub(super) files: Vec<PathBuf>,
    /// Compare with the replies in the files and tell the first difference of each
    #[arg(long)]
    pub(super) check: bool,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::Arguments;

    #[test]
    fn the_definition_is_sound() {
        Arguments::command().debug_assert();
    }
}
