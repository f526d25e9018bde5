//! Subscriptions by regular expression. They are looked up after the heartbeat that brings them,
//! all of a group at once, and again when topics were created or after a long time.
//!
//! Source: KIP-848, "Regular expressions"; Kafka 4.1, `maybeUpdateRegularExpressions` and
//! `handleRegularExpressionsResult`. Its lookups run on a thread of their own; here they follow at
//! once, with what is known of topics by then.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use regex::bytes::{Regex, RegexBuilder};

use super::ConsumerGroup;
use super::expression::translate;
use super::target::Topics;
use crate::group::desk::{Desk, Then, Timer};
use crate::group::groups::{Group, Groups};
use crate::metadata::Image;
use crate::names::Names;
use crate::protocol::ErrorCode;
use crate::records::{GroupRecord, PatternRecord};
use crate::types::{Duration, GroupId, MILLISECOND, MemberId, SECOND, TextId, Timestamp};

/// Lookups of a group are at least so far apart. Source: Kafka, `REGEX_BATCH_REFRESH_MIN_INTERVAL_MS`.
const MIN_INTERVAL: Duration = 10 * SECOND;

/// Bytes that a compiled pattern may take. Kafka knows no bound: counts within counts can make its
/// broker run out of memory.
const MAX_BYTES: usize = 1 << 20;

/// What comes of a member's new pattern.
#[derive(Default)]
pub(super) struct PatternChange {
    /// The group's epoch is to be raised.
    pub(super) bump: bool,
    /// The patterns of the group are to be looked up.
    pub(super) looks_up: bool,
}

/// A pattern matches a topic's name as a whole.
fn compile(pattern: &str) -> Result<Regex, ErrorCode> {
    // What was translated stands for itself: it closes no group that it did not open.
    let bare = translate(pattern).ok_or(ErrorCode::InvalidRegularExpression)?;
    let whole = format!(r"\A(?:{bare})\z");
    // Names of topics are ASCII, and so are the classes of RE2/J.
    let compiled = RegexBuilder::new(&whole).unicode(false).size_limit(MAX_BYTES).build();
    compiled.map_err(|_| ErrorCode::InvalidRegularExpression)
}

impl ConsumerGroup {
    /// How many members subscribe by a pattern.
    fn subscribers(&self, pattern: TextId) -> usize {
        self.subscribers.get(&pattern).copied().unwrap_or(0)
    }

    /// Whether a member may subscribe by a pattern: one that others have is a good one.
    pub(super) fn check_pattern(&self, pattern: TextId, names: &Names) -> Result<(), ErrorCode> {
        if pattern == TextId::EMPTY || self.subscribers(pattern) > 0 {
            return Ok(());
        }
        compile(names.text_of(pattern)).map(drop)
    }

    /// Counts the members of each pattern anew when one changes.
    pub(super) fn recount(&mut self, before: TextId, after: TextId) {
        if before == after {
            return;
        }
        if let Some(count) = self.subscribers.get_mut(&before) {
            *count -= 1;
        }
        self.subscribers.retain(|_, count| *count > 0);
        if after != TextId::EMPTY {
            *self.subscribers.entry(after).or_default() += 1;
        }
    }

    /// The tombstones of patterns that nobody subscribes by once members are gone.
    pub(super) fn forgotten_patterns(&self, gone: &[MemberId], records: &mut Vec<GroupRecord>) {
        let group = self.id;
        for (&pattern, &count) in &self.subscribers {
            let of_gone = gone.iter().filter_map(|member| self.members.get(member));
            if of_gone.filter(|member| member.said.pattern == pattern).count() == count {
                records.push(GroupRecord::ConsumerPattern { group, pattern, value: None });
            }
        }
    }
}

impl Desk<'_, '_> {
    /// A member subscribes by another pattern than before, or by the same.
    pub(super) fn change_pattern(
        &self,
        group: &ConsumerGroup,
        image: &Image,
        (before, after): (TextId, TextId),
        records: &mut Vec<GroupRecord>,
    ) -> PatternChange {
        let mut change = PatternChange::default();
        let mut is_new = false;
        if before != after {
            if before != TextId::EMPTY && group.subscribers(before) == 1 {
                let (group, pattern) = (group.id, before);
                records.push(GroupRecord::ConsumerPattern { group, pattern, value: None });
            }
            is_new = after != TextId::EMPTY && group.subscribers(after) == 0;
            change.bump = after == TextId::EMPTY || !is_new && group.patterns.contains_key(&after);
        }
        if is_new || !group.subscribers.is_empty() {
            change.looks_up = self.is_lookup_due(group, image, is_new, (before, after));
        }
        change
    }

    fn is_lookup_due(
        &self,
        group: &ConsumerGroup,
        image: &Image,
        is_new: bool,
        (before, after): (TextId, TextId),
    ) -> bool {
        if self.timers.is_set(Timer::Patterns(self.partition, group.id)) {
            return false;
        }
        // All are looked up together: one tells for all.
        let last = group.patterns.values().next();
        let since = last.map(|last| elapsed(last.at, self.cx.now.wall));
        if since.is_some_and(|since| since <= MIN_INTERVAL) {
            return false;
        }
        let goes = before != after && group.subscribers(before) == 1;
        let subscribed = group.subscribers.len() - usize::from(goes) + usize::from(is_new);
        let is_old = since.is_some_and(|since| since > self.settings.pattern_refresh_interval);
        let are_due = is_new
            || subscribed != group.patterns.len()
            || last.is_some_and(|last| last.created < image.topic_count())
            || is_old;
        are_due && subscribed > 0
    }

    /// A lookup follows, if one is due.
    pub(super) fn time_lookup(&mut self, group: GroupId, is_due: bool) {
        if is_due {
            self.set_timer(Timer::Patterns(self.partition, group), 0);
        }
    }

    /// Looks up the topics of a group's patterns.
    pub(in crate::group) fn look_up_patterns(
        &mut self,
        groups: &mut Groups,
        image: &Image,
        group: GroupId,
    ) {
        let Some(Group::Consumer(state)) = groups.get(&group) else { return };
        let (created, at) = (image.topic_count(), self.cx.now.wall);
        let names = self.cx.names;
        let found: BTreeMap<TextId, PatternRecord> = state
            .subscribers
            .keys()
            .map(|&pattern| {
                (pattern, PatternRecord { topics: matching(image, names, pattern), created, at })
            })
            .collect();
        let mut bump = found.iter().any(|(pattern, now)| {
            let before = state.patterns.get(pattern).map_or(&[][..], |p| &p.topics);
            before != now.topics
        });
        let hash = Topics::of(&state.roster(&[], None), &found, image, names).hash(image);
        bump |= hash != state.topics_hash;
        let epoch = state.epoch.next();
        let mut records: Vec<GroupRecord> = found
            .into_iter()
            .map(|(pattern, record)| {
                let value = Some(Box::new(record));
                GroupRecord::ConsumerPattern { group, pattern, value }
            })
            .collect();
        if bump {
            records.push(GroupRecord::ConsumerEpoch { group, value: Some((epoch, hash)) });
        }
        if !records.is_empty() {
            self.append_applied(groups, records, Then::Nothing);
        }
    }
}

/// Nanoseconds between two times by the clock on the wall, which does not go back.
fn elapsed(from: Timestamp, to: Timestamp) -> Duration {
    u64::try_from(to.0 - from.0).unwrap_or(0) * MILLISECOND
}

/// The names of the topics that match, in order.
fn matching(image: &Image, names: &Names, pattern: TextId) -> Vec<String> {
    let Ok(compiled) = compile(names.text_of(pattern)) else { return Vec::new() };
    let matching = image.topics().filter(|(_, topic)| compiled.is_match(topic.name.as_bytes()));
    let mut topics: Vec<String> = matching.map(|(_, topic)| topic.name.clone()).collect();
    topics.sort_unstable();
    topics
}
