//! What came of the runs of a sweep, counted.

use std::collections::{BTreeMap, BTreeSet};

use reports::number::{counted, grouped};
use serde_json::json;

use super::atlas::Atlas;
use super::record::Record;
use crate::cli::args::Format;
use crate::cli::console::{Console, Paint};
use crate::cli::exit::{Exit, Failure};

/// What is done.
#[derive(Clone, Debug)]
pub(in crate::cli) struct Tally {
    pub(super) runs: u64,
    passed: u64,
    pub(super) failed: u64,
    inconclusive: u64,
    nothing_tried: u64,
    failing_seeds: BTreeSet<u64>,
    causes: BTreeMap<String, Group>,
    /// The end to be told of all of them.
    pub(in crate::cli) exit: Exit,
    /// The first run that was not as expected.
    pub(super) first: Option<Record>,
    /// What was reached, if that was asked.
    pub(in crate::cli) atlas: Option<Atlas>,
}

/// Runs that failed for one cause.
#[derive(Clone, Debug)]
struct Group {
    runs: u64,
    /// The first of them.
    example: Record,
}

impl Tally {
    /// Of no run yet; `coverage` is whether it is asked what runs reach.
    pub(in crate::cli) fn new(coverage: bool) -> Self {
        Self {
            runs: 0,
            passed: 0,
            failed: 0,
            inconclusive: 0,
            nothing_tried: 0,
            failing_seeds: BTreeSet::new(),
            causes: BTreeMap::new(),
            exit: Exit::Expected,
            first: None,
            atlas: coverage.then(Atlas::new),
        }
    }

    /// Runs a second, of those that took so many seconds.
    pub(in crate::cli) fn rate(&self, seconds: f64) -> f64 {
        self.runs as f64 / seconds.max(1e-6)
    }

    /// Counts a run; the first of those with one cause is the example.
    pub(in crate::cli) fn take(&mut self, record: &Record) {
        let exit = record.ending();
        self.runs += 1;
        self.nothing_tried += u64::from(record.nothing_tried);
        match exit {
            Exit::Expected => self.passed += 1,
            Exit::Inconclusive => self.inconclusive += 1,
            _ => {
                self.failed += 1;
                self.failing_seeds.insert(record.seed);
            }
        }
        if let Some(cause) = &record.cause {
            let first = || Group { runs: 0, example: record.clone() };
            self.causes.entry(cause.clone()).or_insert_with(first).runs += 1;
        }
        if exit != Exit::Expected {
            self.first.get_or_insert_with(|| record.clone());
        }
        self.exit = self.exit.worse(exit);
    }

    /// Counts a run that is on record. What of it is news here is left of its news.
    ///
    /// # Errors
    /// When it reached something that does not exist.
    pub(in crate::cli) fn recall(&mut self, record: &mut Record) -> Result<(), Failure> {
        if let (Some(atlas), Some(news)) = (&mut self.atlas, &mut record.news) {
            *news = atlas.recall(news).ok_or_else(|| {
                let text = format!("error: the record of run {} reached what is not", record.run);
                Failure::new(Exit::Scenario, text)
            })?;
        }
        self.take(record);
        Ok(())
    }

    /// The causes, the most frequent first.
    fn groups(&self) -> Vec<(&str, &Group)> {
        let mut groups: Vec<_> =
            self.causes.iter().map(|(cause, group)| (cause.as_str(), group)).collect();
        groups.sort_by_key(|(_, group)| std::cmp::Reverse(group.runs));
        groups
    }

    /// Tells it: the last line of the results as JSON, the last lines for people. `rate` is runs a
    /// second, where somebody measured it.
    pub(in crate::cli) fn tell(
        &self,
        rate: Option<f64>,
        interrupted: bool,
        format: Format,
        console: &mut Console<'_>,
    ) {
        self.tell_with(rate, interrupted, format, console, &|_| None);
    }

    /// The same; `in_words` says what is special about the run that is the example of a cause.
    pub(in crate::cli) fn tell_with(
        &self,
        rate: Option<f64>,
        interrupted: bool,
        format: Format,
        console: &mut Console<'_>,
        in_words: &dyn Fn(&Record) -> Option<String>,
    ) {
        match format {
            Format::Json => console.line(&self.json(rate, interrupted).to_string()),
            Format::Human => self.tell_people((rate, interrupted), in_words, console),
        }
    }

    fn json(&self, rate: Option<f64>, interrupted: bool) -> serde_json::Value {
        let causes = self.groups().into_iter().map(|(cause, group)| {
            let Record { file, seed, replay, .. } = &group.example;
            json!({
                "cause": cause, "runs": group.runs, "file": file, "seed": seed, "replay": replay,
            })
        });
        let mut summary = json!({
            "runs": self.runs,
            "passed": self.passed,
            "failed": self.failed,
            "inconclusive": self.inconclusive,
            "nothing_tried": self.nothing_tried,
            "interrupted": interrupted,
            "failing_seeds": self.failing_seeds,
            "causes": causes.collect::<Vec<_>>(),
            "seeds_per_s": rate.map(|rate| (rate * 10.0).round() / 10.0),
        });
        if let Some(atlas) = &self.atlas {
            summary["coverage"] = atlas.json();
        }
        json!({"summary": summary})
    }

    fn tell_people(
        &self,
        (rate, interrupted): (Option<f64>, bool),
        in_words: &dyn Fn(&Record) -> Option<String>,
        console: &mut Console<'_>,
    ) {
        let cut = if interrupted { " (interrupted)" } else { "" };
        let rate = rate.map_or(String::new(), |rate| format!("; {rate:.1} a second"));
        console.line(&format!(
            "{}{cut}: {} as expected, {} failed, {} inconclusive{rate}",
            counted(self.runs, "run"),
            grouped(self.passed),
            grouped(self.failed),
            grouped(self.inconclusive)
        ));
        if self.nothing_tried > 0 {
            console.line(&format!(
                "{} of them tried nothing: what the faults of the seed wait for did not happen",
                grouped(self.nothing_tried)
            ));
        }
        if let Some(atlas) = &self.atlas {
            atlas.tell(console);
        }
        for (cause, group) in self.groups() {
            let name = console.paint(Paint::Bad, cause);
            console.line("");
            console.line(&format!("{} failed by {name}", counted(group.runs, "run")));
            if let Some(words) = in_words(&group.example) {
                console.line(&format!("    one of them is {words}"));
            }
            console.line(&format!("    one of them: {}", group.example.replay));
            // Where only something expected is missing, nothing is violated.
            if let (Exit::Safety | Exit::Liveness | Exit::Gate, Some(token)) =
                (group.example.ending(), group.example.token())
                && !group.example.anomalies.is_empty()
            {
                console.line(&format!("    make it small: assize shrink '{token}'"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Exit, Record, Tally};

    fn record(run: u64, exit: i32, cause: Option<&str>) -> Record {
        Record {
            run,
            file: "a.toml".to_owned(),
            seed: run + 100,
            verdict: Some("fail".to_owned()),
            exit,
            digest: None,
            anomalies: Vec::new(),
            cause: cause.map(str::to_owned),
            nothing_tried: false,
            mutations: Vec::new(),
            news: None,
            error: None,
            replay: format!("assize replay {run}"),
        }
    }

    #[test]
    fn failures_are_grouped_by_cause_the_most_frequent_first() {
        let mut tally = Tally::new(false);
        let runs = [
            record(0, 0, None),
            record(1, 10, Some("one")),
            record(2, 10, Some("two")),
            record(3, 11, Some("two")),
            record(4, 13, None),
        ];
        runs.iter().for_each(|run| tally.take(run));
        assert_eq!((tally.runs, tally.passed, tally.failed, tally.inconclusive), (5, 1, 3, 1));
        assert_eq!((tally.exit, tally.first.as_ref().map(|one| one.run)), (Exit::Safety, Some(1)));
        let groups: Vec<_> =
            tally.groups().into_iter().map(|(c, g)| (c, g.runs, g.example.run)).collect();
        assert_eq!(groups, [("two", 2, 2), ("one", 1, 1)]);
        let json = tally.json(None, false);
        assert_eq!(json["summary"]["causes"][0]["seed"], 102);
        assert_eq!(json["summary"]["failing_seeds"].as_array().map(Vec::len), Some(3));
    }
}
