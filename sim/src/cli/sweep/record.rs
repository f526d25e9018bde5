//! What is kept of a run of a sweep.

use reports::summary::Summary;
use serde::{Deserialize, Serialize};

use super::atlas::News;
use crate::cli::execute::bug_in;
use crate::cli::exit::{Exit, Failure};
use crate::cli::scene::Scene;
use crate::cli::token::Token;
use crate::coverage::Reached;
use crate::run::Run;
use crate::shrink::Cause;

/// A run, as far as a sweep tells it.
#[derive(Clone, Debug)]
pub(in crate::cli) struct Ended {
    /// The run in numbers.
    pub(super) summary: Summary,
    /// Why it failed, if it did.
    pub(super) cause: Option<String>,
    /// What it reached, if that was asked.
    pub(super) reached: Option<Reached>,
}

impl Ended {
    /// Of a run.
    pub(in crate::cli) fn of(run: Run, reached: Option<Reached>) -> Self {
        let cause = cause_of(&run.summary);
        Self { summary: run.summary, cause, reached }
    }
}

/// What failing runs are grouped by.
fn cause_of(summary: &Summary) -> Option<String> {
    if matches!(Exit::of_run(summary.exit), Exit::Expected | Exit::Inconclusive) {
        return None;
    }
    if let Some(missed) = summary.expected_anomaly
        && !summary.anomalies.contains(&missed)
    {
        return Some(format!("{}: was expected and did not come", missed.name()));
    }
    Cause::of(summary).map(|cause| cause.to_string())
}

/// The line of a run: a function of program, scenario and seed. Fields are in the order in which
/// they are written.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::cli) struct Record {
    /// Its number within the sweep, from 0.
    pub(in crate::cli) run: u64,
    /// The scenario file, as it was named.
    pub(in crate::cli) file: String,
    /// The seed.
    pub(in crate::cli) seed: u64,
    /// How the plan that the seed drew was changed (`search.mutations`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(in crate::cli) mutations: Vec<u64>,
    /// The verdict; none when the run did not come to its end.
    pub(in crate::cli) verdict: Option<String>,
    /// The exit code that the run alone would have.
    pub(in crate::cli) exit: i32,
    /// The digest of its events.
    pub(in crate::cli) digest: Option<String>,
    /// What was found, expected or not.
    pub(in crate::cli) anomalies: Vec<String>,
    /// What it is grouped by when it failed.
    pub(in crate::cli) cause: Option<String>,
    /// Whether nothing came of the faults that the seed drew.
    pub(in crate::cli) nothing_tried: bool,
    /// What it reached and no run before it had, if that was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) news: Option<News>,
    /// Why the run did not come to its end.
    pub(in crate::cli) error: Option<String>,
    /// The command that repeats it.
    pub(in crate::cli) replay: String,
}

impl Record {
    /// Of a run that ended, or could not, with its number and seed; `scene` has its changes. What is
    /// news of it, others know.
    pub(in crate::cli) fn of(
        scene: &Scene,
        (run, seed): (u64, u64),
        mutations: &[u64],
        ended: &Result<Ended, Failure>,
    ) -> Self {
        let blank = Self {
            run,
            file: scene.path.display().to_string(),
            seed,
            mutations: mutations.to_vec(),
            verdict: None,
            exit: 0,
            digest: None,
            anomalies: Vec::new(),
            cause: None,
            nothing_tried: false,
            news: None,
            error: None,
            replay: scene.command(seed),
        };
        match ended {
            Ok(Ended { summary, cause, .. }) => Self {
                verdict: Some(summary.verdict.name().to_owned()),
                exit: summary.exit,
                digest: Some(summary.digest.clone()),
                anomalies: summary.anomalies.iter().map(|one| one.name().to_owned()).collect(),
                cause: cause.clone(),
                nothing_tried: summary.nothing_tried,
                ..blank
            },
            Err(failure) => {
                let first = failure.text.lines().next().unwrap_or_default().to_owned();
                let bug = bug_in(failure).map(|bug| bug.to_string());
                let cause = bug.unwrap_or_else(|| "cannot be run".to_owned());
                Self { exit: failure.exit.code(), cause: Some(cause), error: Some(first), ..blank }
            }
        }
    }

    /// The token of the run, out of the command that repeats it; none in a record that was edited.
    pub(in crate::cli) fn token(&self) -> Option<&str> {
        Token::in_command(&self.replay)
    }

    /// How the run ended.
    pub(in crate::cli) fn ending(&self) -> Exit {
        Exit::of_code(self.exit)
    }
}
