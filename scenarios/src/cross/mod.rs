//! Rules between tables: what each table says may be fine and still not fit the others.

mod broker;
mod cluster;
mod evidence;
mod fault;
mod kafka;
mod pipeline;
mod rows;

use crate::decoder::{Decoder, Problem};
use crate::diagnostic::{listed, nearest};
use crate::model::Scenario;
use crate::tree::{Node, Value};

/// A scenario with the tree that it came from.
pub(crate) struct Cross<'a> {
    decoder: &'a mut Decoder,
    root: &'a Node,
    scenario: &'a Scenario,
}

/// Tells everything that does not fit together.
pub(crate) fn check(decoder: &mut Decoder, root: &Node, scenario: &Scenario) {
    decoder.settle();
    let mut cross = Cross { decoder, root, scenario };
    cluster::check(&mut cross);
    broker::check(&mut cross);
    pipeline::check(&mut cross);
    rows::check(&mut cross);
    kafka::check(&mut cross);
    fault::check(&mut cross);
    evidence::check(&mut cross);
}

impl<'a> Cross<'a> {
    /// The value at a path of keys (array elements by number from 0), or the deepest table on
    /// the way that exists.
    fn at(&self, path: &[&str]) -> Option<&'a Node> {
        (1..=path.len()).rev().find_map(|n| self.root.find(&path[..n]))
    }

    /// The value at a path, if the file gives it.
    fn given(&self, path: &[&str]) -> Option<&'a Node> {
        self.root.find(path)
    }

    /// Raises a problem with labels on some values, unless one of them is wrong already: then
    /// what this rule saw was a default.
    fn raise(&mut self, mut problem: Problem, labels: &[(Option<&Node>, &str)]) {
        for (node, label) in labels {
            let Some(node) = node else { continue };
            let table = matches!(node.value, Value::Table(_));
            if !table && self.decoder.is_wrong(node) {
                return;
            }
            problem = problem.at(&node.place, *label);
        }
        self.decoder.raise(problem);
    }

    /// A reference to something by name that does not exist.
    fn unknown(&mut self, what: &str, name: &str, node: Option<&Node>, known: &[&str]) {
        let help = match nearest(name, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None if known.is_empty() => format!("the scenario has no {what}"),
            None => format!("there are {}", listed(known.iter().copied())),
        };
        let code = match what {
            "topic" => "scenario::unknown-topic",
            "service" => "scenario::unknown-service",
            "consumer group" => "scenario::unknown-group",
            "transactional id" => "scenario::unknown-transactional-id",
            _ => "scenario::unknown-name",
        };
        let problem = Problem::new(code, format!("there is no {what} `{name}`")).help(help);
        self.raise(problem, &[(node, "named here")]);
    }

    fn topic_names(&self) -> Vec<&'a str> {
        self.scenario.topics.iter().map(|t| t.name.as_str()).collect()
    }

    fn service_names(&self) -> Vec<&'a str> {
        self.scenario.services.iter().map(|s| s.name.as_str()).collect()
    }

    fn group_names(&self) -> Vec<&'a str> {
        self.scenario.services.iter().filter_map(|s| s.group.as_deref()).collect()
    }

    /// Tables with an outbox, of which there is a backlog as there is a lag of a group.
    fn outbox_names(&self) -> Vec<&'a str> {
        self.scenario.services.iter().filter_map(|s| Some(s.outbox()?.as_str())).collect()
    }

    fn ledger_names(&self) -> Vec<&'a str> {
        self.scenario.services.iter().filter_map(|s| s.effects.as_deref()).collect()
    }
}
