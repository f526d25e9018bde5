//! Telling a run: one HTML page for people, JSON and JUnit for machines, Markdown for a merge
//! request.
//!
//! Everything here is a function from values to text with the same bytes for the same input;
//! writing files is the caller's. No page loads anything from elsewhere.

mod chart;
mod graph;
mod html;
mod junit;
mod markdown;
mod palette;
mod percentile_chart;
mod space_time;
mod time_chart;

pub use graph::{Edge, Node, NodeKind, Pipeline};
pub use html::{html, sentence};
pub use junit::junit;
pub use markdown::markdown;

use crate::history::Recorder;
use crate::metric::Timeline;
use crate::summary::Summary;

/// A value of the configuration and where it came from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Setting {
    /// What it is about: `cluster`, `topic orders`, `service payment`. Settings of one scope
    /// follow each other.
    pub scope: String,
    /// Its key; Kafka's own where there is one.
    pub key: String,
    /// Its value, with its unit.
    pub value: String,
    /// Where it came from: `scenario`, `Kafka 4.1 default`, `--set`, `drawn from the seed`.
    pub source: String,
}

/// What a reader must know of the model before trusting a figure.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct ModelNotes {
    /// Modelled as Kafka does it.
    pub modelled: Vec<String>,
    /// Modelled by a simpler law.
    pub approximated: Vec<String>,
    /// Left out.
    pub left_out: Vec<String>,
}

/// Everything a report is made of.
#[derive(Clone, Copy, Debug)]
pub struct Report<'a> {
    /// The run in numbers.
    pub summary: &'a Summary,
    /// What clients saw.
    pub recorder: &'a Recorder,
    /// Samples of the cluster, and the fault windows.
    pub timeline: &'a Timeline,
    /// Services and topics.
    pub pipeline: &'a Pipeline,
    /// The configuration, scope by scope.
    pub settings: &'a [Setting],
    /// What is modelled, approximated, left out.
    pub model: &'a ModelNotes,
}

/// The files of a report by name.
#[must_use]
pub fn files(report: &Report<'_>) -> [(&'static str, String); 4] {
    [
        ("report.html", html(report)),
        ("summary.json", report.summary.to_json_pretty()),
        ("junit.xml", junit(report.summary)),
        ("summary.md", markdown(report.summary)),
    ]
}

#[cfg(test)]
mod tests;
