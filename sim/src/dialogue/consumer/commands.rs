//! The commands of a dialogue with a consumer.

use broker_model::protocol::group::CommittedOffset;
use broker_model::types::{MILLISECOND, NodeId, Offset, PartitionId, Timestamp};

use super::render;
use super::setup::{node_id, number};
use super::{Ending, Run};
use crate::client::consumer::{CommitId, ConsumerEvent};
use crate::dialogue::{DialogueErrorKind, bounds};

/// How many polls a client gets to come to rest.
const POLLS_MAX: u32 = 100;

type Done = Result<(), DialogueErrorKind>;

impl Run {
    pub(super) fn act(&mut self, words: &[&str]) -> Done {
        let (&name, rest) = words.split_first().ok_or(DialogueErrorKind::UnknownCommand)?;
        match name {
            "subscribe" => self.consumer.subscribe(rest),
            "assign" => self.assign(rest)?,
            "seek" => {
                for word in rest {
                    let (partition, offset) = self.offset(word)?;
                    self.consumer.seek(partition, offset);
                }
            }
            "pause" | "resume" => {
                for word in rest {
                    let partition = self.cluster.partition(word)?;
                    if name == "pause" {
                        self.consumer.pause(partition);
                    } else {
                        self.consumer.resume(partition);
                    }
                }
            }
            "join" => self.join(rest)?,
            "poll" => self.poll(),
            "poll-until-quiet" => self.poll_until_quiet()?,
            "heartbeat" => self.heartbeat(),
            "advance" => self.advance(rest)?,
            "respond" => self.respond(rest)?,
            "prepare" => self.prepared.push(rest.iter().map(|&w| w.to_owned()).collect()),
            "metadata" => self.respond(&["metadata"])?,
            "disconnect" => self.disconnect(rest)?,
            "cluster" => {
                let word = rest.first().and_then(|w| w.strip_prefix("leaders="));
                self.cluster.set_leaders(word.ok_or(DialogueErrorKind::BadArgument)?)?;
            }
            "inspect" => self.inspect(),
            "position" => {
                let partition = self.cluster.partition(rest.first().unwrap_or(&""))?;
                let offset = self.consumer.position(partition).unwrap_or(Offset::NONE);
                let name = self.cluster.name(partition);
                self.say(format!("position {name}@{offset}"));
            }
            "commit-sync" => self.commit_sync(rest)?,
            "commit-async" => {
                let offsets = self.offsets(rest)?;
                let id = self.with(|consumer, cx, _| consumer.commit_async(cx, offsets));
                self.async_commits.push(id);
                self.flush();
            }
            "close" => self.close(rest)?,
            "unsubscribe" => {
                self.leave_reason = "the consumer unsubscribed from all topics";
                self.with(|consumer, cx, _| consumer.unsubscribe(cx));
                self.tell();
                self.flush();
            }
            _ => return Err(DialogueErrorKind::UnknownCommand),
        }
        Ok(())
    }

    fn assign(&mut self, words: &[&str]) -> Done {
        let parsed: Result<Vec<PartitionId>, _> =
            words.iter().map(|w| self.cluster.partition(w)).collect();
        let parsed = parsed?;
        let named: Vec<_> = parsed.iter().map(|&p| (self.cluster.topic_of(p), p)).collect();
        self.consumer.assign(&named);
        Ok(())
    }

    /// `t-0@3`.
    fn offset(&self, word: &str) -> Result<(PartitionId, Offset), DialogueErrorKind> {
        let (name, offset) = word.split_once('@').ok_or(DialogueErrorKind::BadArgument)?;
        Ok((self.cluster.partition(name)?, Offset(bounds::offset(number(offset)?)?)))
    }

    /// Offsets named, or the positions of all partitions.
    fn offsets(&self, words: &[&str]) -> Result<Vec<CommittedOffset>, DialogueErrorKind> {
        let named = words.iter().filter(|w| w.contains('@'));
        let of = |w: &&str| {
            let (partition, offset) = self.offset(w)?;
            Ok(CommittedOffset::new(partition, offset, None))
        };
        let offsets: Vec<_> = named.map(of).collect::<Result<_, _>>()?;
        Ok(if offsets.is_empty() { self.consumer.consumed() } else { offsets })
    }

    /// Joins the group with everything answered on the way: `assign=t-0 committed=t-0@3`.
    fn join(&mut self, words: &[&str]) -> Done {
        let assign = format!("assign={}", setting(words, "assign").unwrap_or_default());
        let committed = setting(words, "committed").map(|list| list.replace(',', " "));
        for _ in 0..POLLS_MAX {
            self.poll_until_quiet()?;
            let Some(kind) = self.open.last().map(|o| render::kind(&o.request)) else { break };
            match kind {
                "find-coordinator" => self.respond(&[kind])?,
                "join-group" => self.respond(&[kind, "gen=1", "member=m1"])?,
                "sync-group" => self.respond(&[kind, &assign])?,
                "offset-fetch" => match &committed {
                    Some(list) => {
                        let mut answer = vec![kind];
                        answer.extend(list.split(' '));
                        self.respond(&answer)?;
                        return self.poll_until_quiet();
                    }
                    None => break,
                },
                _ => break,
            }
        }
        Ok(())
    }

    fn poll_until_quiet(&mut self) -> Done {
        for _ in 0..POLLS_MAX {
            let before = (self.said, self.delivered);
            self.poll();
            let thrown = self.lines.last().is_some_and(|line| line.starts_with("poll throws"));
            if thrown || (self.said, self.delivered) == before && self.arriving.is_empty() {
                return Ok(());
            }
        }
        Err(DialogueErrorKind::Restless)
    }

    fn heartbeat(&mut self) {
        self.leave_reason = "consumer poll timeout has expired.";
        self.deliver();
        self.with(|consumer, cx, _| consumer.turn(cx));
        self.flush();
    }

    fn advance(&mut self, words: &[&str]) -> Done {
        let word = words.first().and_then(|w| w.strip_suffix("ms"));
        let ms: u64 = number(word.ok_or(DialogueErrorKind::BadArgument)?)?;
        self.pass(ms);
        Ok(())
    }

    pub(super) fn pass(&mut self, ms: u64) {
        self.now.instant = self.now.instant + ms.saturating_mul(MILLISECOND);
        let wall = self.now.wall.0.saturating_add(i64::try_from(ms).unwrap_or(i64::MAX));
        self.now.wall = Timestamp(wall);
    }

    /// `respond KIND ...` or `respond r3 ...`: the answer arrives with the next poll.
    fn respond(&mut self, words: &[&str]) -> Done {
        let (&which, rest) = words.split_first().ok_or(DialogueErrorKind::BadArgument)?;
        let wanted = |o: &super::Open| {
            render::kind(&o.request) == which || format!("r{}", o.number) == which
        };
        let at = self.open.iter().position(wanted).ok_or(DialogueErrorKind::NoSuchRequest)?;
        let open = self.open.remove(at);
        let response = self.answer(&open.request, rest)?;
        self.arriving.push(super::Arriving { open, result: Ok(response) });
        Ok(())
    }

    fn disconnect(&mut self, words: &[&str]) -> Done {
        let word = words.first().and_then(|w| w.strip_prefix("node="));
        let node = NodeId(node_id(word.ok_or(DialogueErrorKind::BadArgument)?)?);
        self.broken.push(node);
        Ok(())
    }

    fn inspect(&mut self) {
        if self.group.is_some() {
            let member = self.consumer.live_member().map(|(m, g)| (render::member(m), g.0));
            let (member, generation) = member.unwrap_or_default();
            let on = if self.heartbeats { "on" } else { "off" };
            self.say(format!("member {member} gen={generation} heartbeats={on}"));
        }
        for partition in self.consumer.assignment() {
            let Some(view) = self.consumer.view(partition) else { continue };
            let name = self.cluster.name(partition);
            let position = match view.offset {
                Some(offset) => format!("{offset}/{}", render::epoch(view.offset_epoch)),
                None => "none".to_owned(),
            };
            self.say(format!("{name} position={position} {}", view.state));
        }
    }

    fn commit_sync(&mut self, words: &[&str]) -> Done {
        let offsets = self.offsets(words)?;
        let timeout = setting(words, "timeout").map(number).transpose()?;
        let id = self.with(|consumer, cx, _| {
            let timeout = timeout.map(|ms: u64| ms.saturating_mul(MILLISECOND));
            consumer.commit_within(cx, offsets, timeout)
        });
        let ended = self.wait_for(Ending::Commit(id))?;
        self.say(match ended {
            Some(ConsumerEvent::Committed { result: Err(error), .. }) => {
                format!("commit-sync throws {}", render::commit_error(error))
            }
            _ => "commit-sync returns".to_owned(),
        });
        Ok(())
    }

    fn close(&mut self, words: &[&str]) -> Done {
        let timeout: Option<u64> = setting(words, "timeout").map(number).transpose()?;
        self.leave_reason = "the consumer is being closed";
        // Without a timeout the last fetches are never written to the network.
        self.mute_fetches = timeout.is_none();
        self.with(|consumer, cx, _| consumer.close(cx, true));
        self.wait_for(Ending::Close)?;
        if let Some(ms) = timeout.filter(|_| self.open.iter().any(|o| o.ends_session)) {
            self.pass(ms);
            self.say(format!("slept {ms}ms"));
        }
        self.say("closed".to_owned());
        Ok(())
    }

    /// Commits that the dialogue numbers `c1`, `c2`, ...
    pub(super) fn commit_number(&self, id: CommitId) -> Option<usize> {
        self.async_commits.iter().position(|&c| c == id).map(|at| at + 1)
    }
}

/// The value of `key=value` among the words.
fn setting<'a>(words: &[&'a str], key: &str) -> Option<&'a str> {
    words.iter().find_map(|w| w.split_once('=').filter(|(k, _)| *k == key).map(|(_, v)| v))
}
