//! Processes that end and begin again.

use broker_model::io::StopKind;
use broker_model::types::NodeId;
use reports::story::MomentKind;

use super::stage::{Stage, Weight, and};
use crate::world::{Heard, Party};

impl Stage<'_> {
    /// A process has begun or ended. That a fault ended it was told already.
    pub(super) fn hear_process(&mut self, heard: &Heard) {
        // Nodes are there from the begin on; clients start when their topics are.
        let first = matches!(heard, Heard::Started(party @ Party::Client(_), _)
            if self.started.insert(*party));
        if self.now < self.from || first {
            return;
        }
        match heard {
            Heard::Started(party, _) => {
                let who = self.party(*party);
                let text = match party {
                    Party::Broker(node) => match self.log_ends(*node) {
                        Some(ends) => format!("{who} starts again; on its disk, {ends}."),
                        None => format!("{who} starts again."),
                    },
                    _ => format!("{who} starts again."),
                };
                self.say(MomentKind::Process, Weight::Plain, text);
            }
            Heard::Stopped { node, kind: StopKind::Clean, .. } => {
                let text = format!("{} has shut down in order.", self.party(*node));
                self.say(MomentKind::Process, Weight::Light, text);
            }
            _ => {}
        }
    }

    /// Where the logs of a broker end.
    fn log_ends(&self, node: NodeId) -> Option<String> {
        let with_log = self.subject.partitions.iter().filter(|partition| {
            self.logs.of(**partition).any(|(of, log)| of == node && !log.is_empty())
        });
        let ends: Vec<String> = with_log
            .map(|&partition| {
                let (name, end) = (self.partition(partition), self.logs.end(partition, node));
                format!("{name} ends at {end}")
            })
            .collect();
        (!ends.is_empty()).then(|| and(ends))
    }
}
