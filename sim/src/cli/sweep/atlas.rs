//! What the runs of a sweep have reached, and what none of them has.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::cli::console::{Console, Paint};
use crate::coverage::{Point, Reached, SLACKS, points};

/// What a run reached and no run before it had.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::cli) struct News {
    /// The names.
    reached: Vec<String>,
    /// Slacks that are smaller than any before, by their names.
    nearer: BTreeMap<String, u64>,
}

impl News {
    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.reached.is_empty() && self.nearer.is_empty()
    }
}

/// What there is to reach, and what was.
#[derive(Clone, Debug)]
pub(in crate::cli) struct Atlas {
    names: Vec<(Point, String)>,
    all: Reached,
}

impl Atlas {
    /// Nothing was reached yet.
    pub(in crate::cli) fn new() -> Self {
        Self { names: points().collect(), all: Reached::default() }
    }

    /// Adds what a run reached.
    pub(super) fn add(&mut self, reached: &Reached) -> News {
        let mut news = News::default();
        for (point, name) in &self.names {
            if reached.has(*point) && self.all.add(*point) {
                news.reached.push(name.clone());
            }
        }
        for (place, slack) in reached.slacks().iter().enumerate() {
            if let Some(slack) = *slack
                && self.all.near(place, slack)
            {
                news.nearer.insert(SLACKS[place].0.to_owned(), slack);
            }
        }
        news
    }

    /// Adds what is on record of a run, and gives what of it is news here: of a shard other runs
    /// came before. None when a name is none.
    pub(in crate::cli) fn recall(&mut self, news: &News) -> Option<News> {
        let mut reached = Reached::default();
        for name in &news.reached {
            let (point, _) = self.names.iter().find(|(_, known)| known == name)?;
            reached.add(*point);
        }
        for (name, slack) in &news.nearer {
            reached.near(SLACKS.iter().position(|(known, _)| known == name)?, *slack);
        }
        Some(self.add(&reached))
    }

    /// What was reached of situations or of pairs, how many there are, and the names of the others.
    fn part(&self, situations: bool) -> (usize, usize, Vec<&str>) {
        let of = self.names.iter().filter(|(point, _)| point.is_situation() == situations);
        let all = of.clone().count();
        let never: Vec<&str> =
            of.filter(|(point, _)| !self.all.has(*point)).map(|(_, name)| name.as_str()).collect();
        (all - never.len(), all, never)
    }

    pub(super) fn json(&self) -> Value {
        let part = |situations| {
            let (reached, of, never) = self.part(situations);
            json!({"reached": reached, "of": of, "never": never})
        };
        let slacks = SLACKS.iter().zip(self.all.slacks());
        let nearest: serde_json::Map<String, Value> =
            slacks.map(|((name, _), slack)| ((*name).to_owned(), json!(slack))).collect();
        json!({"situations": part(true), "pairs": part(false), "nearest": nearest})
    }

    pub(super) fn tell(&self, console: &mut Console<'_>) {
        let (situations, of_situations, never) = self.part(true);
        let (pairs, of_pairs, others) = self.part(false);
        console.line("");
        let title = console.paint(Paint::Strong, "coverage");
        console.line(&format!(
            "{title}  {situations} of {of_situations} situations, {pairs} of {of_pairs} pairs of \
             state and event"
        ));
        for ((name, what), slack) in SLACKS.iter().zip(self.all.slacks()) {
            if let Some(slack) = slack {
                console.line(&format!("  nearest  {name} {slack}: {what}"));
            }
        }
        for name in never {
            console.line(&format!("  never  {name}"));
        }
        for (state, events) in by_state(&others) {
            console.line(&format!("  never  {state}: {}", events.join(", ")));
        }
    }
}

/// The events of each state, in order.
fn by_state<'a>(pairs: &[&'a str]) -> Vec<(&'a str, Vec<&'a str>)> {
    let mut states: Vec<(&str, Vec<&str>)> = Vec::new();
    for pair in pairs {
        let (state, event) = pair.split_once(": ").unwrap_or((pair, ""));
        match states.last_mut().filter(|(last, _)| *last == state) {
            Some((_, events)) => events.push(event),
            None => states.push((state, vec![event])),
        }
    }
    states
}

#[cfg(test)]
mod tests {
    use super::{Atlas, News, by_state};

    fn news(names: &[&str]) -> News {
        News { reached: names.iter().map(|&name| name.to_owned()).collect(), ..News::default() }
    }

    #[test]
    fn news_are_told_once_and_names_are_known() {
        let mut atlas = Atlas::new();
        let one = news(&["isr-of-one", "unclean-election"]);
        assert!(atlas.recall(&one).is_some_and(|told| told.reached.len() == 2));
        assert!(atlas.recall(&one).is_some_and(|told| told.is_empty()));
        assert_eq!(atlas.recall(&news(&["no-such-thing"])), None);
        let nearer = |slack| News {
            nearer: [("replicas-above-min-isr".to_owned(), slack)].into(),
            ..News::default()
        };
        assert_eq!(atlas.recall(&nearer(3)), Some(nearer(3)));
        assert_eq!(atlas.recall(&nearer(4)), Some(News::default()));
        let (reached, of, never) = atlas.part(true);
        assert_eq!((reached, of - never.len()), (2, 2));
    }

    #[test]
    fn pairs_are_told_by_state() {
        let told = by_state(&["group new: a", "group new: b", "group stable: a"]);
        assert_eq!(told, [("group new", vec!["a", "b"]), ("group stable", vec!["a"])]);
    }
}
