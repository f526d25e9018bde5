//! Profiles of rules: what was in force in the days of a release.
//!
//! A bug whose fix is taken back alone often does not show, because a later change hides it. An
//! era takes back the later changes too, as far as the model has them.

use super::Rules;

/// A named set of rules.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Era {
    /// The release that stands for it.
    pub name: &'static str,
    /// Rules with values other than today's.
    pub rules: &'static [(&'static str, &'static str)],
}

/// Rules that every release before 4.0 lacks.
macro_rules! before_elr {
    ($($rule:literal = $value:literal),* $(,)?) => {
        &[
            ("elr", "off"),
            ("unclean_shutdown_detect", "off"),
            ("prevote", "off"),
            $(($rule, $value)),*
        ]
    };
}

/// Rules that every release before 3.7 lacks too.
macro_rules! before_37 {
    ($($rule:literal = $value:literal),* $(,)?) => {
        before_elr!(
            "fetch_response_epoch_check" = "off",
            "hw_requires_min_isr" = "off",
            "check_quorum" = "off",
            "voter_identity" = "id_only",
            "partition_epoch_bookkeeping" = "list_by_list",
            $($rule = $value),*
        )
    };
}

/// Rules that every release before 3.5 lacks too.
macro_rules! before_35 {
    ($($rule:literal = $value:literal),* $(,)?) => {
        before_37!(
            "alter_partition_checks_broker_epoch" = "off",
            "follower_hw_before_truncate" = "on",
            "txn_protocol" = "v1",
            $($rule = $value),*
        )
    };
}

/// Rules that every release before 3.0.1 lacks too. Offsets expire under a group that rebalances
/// up to 2.8.1, in 3.0.0 and in 3.1.0.
macro_rules! before_30 {
    ($($rule:literal = $value:literal),* $(,)?) => {
        before_35!(
            "expire_when_unstable" = "on",
            "isr_admits_fenced" = "on",
            $($rule = $value),*
        )
    };
}

/// Rules that every release before 2.1 lacks too, behind how each finds where logs part: a
/// scenario's digest is of its rules in their order.
macro_rules! before_21 {
    ($($how:literal = $found:literal),+ $(; $rule:literal = $value:literal)?) => {
        before_30!(
            $($how = $found,)+
            "isr_join_requires_leso" = "off",
            "fetch_epoch" = "absent",
            "consumer_epoch_validation" = "off",
            "txn_offset_commit_generation_check" = "off",
            "clean_control_by_key" = "on",
            "partial_clean_index" = "cleaned_part_only",
            "unknown_pid" = "reset_same_epoch",
            "offset_expiry" = "from_commit",
            "offset_fetch_stable" = "off",
            $($rule = $value)?
        )
    };
}

impl Era {
    /// Every era, newest first.
    pub const ALL: &'static [Self] = &[
        Self { name: "today", rules: &[] },
        Self {
            name: "3.9",
            rules: before_elr!(
                "fetch_response_epoch_check" = "off",
                "txn_protocol" = "v1_verified"
            ),
        },
        Self { name: "3.6", rules: before_37!("txn_protocol" = "v1_verified") },
        Self { name: "3.4", rules: before_35!() },
        Self {
            name: "2.6",
            rules: before_30!(
                "truncate" = "epoch_279",
                "clean_control_by_key" = "on",
                "partial_clean_index" = "cleaned_part_only"
            ),
        },
        Self { name: "2.0", rules: before_21!("truncate" = "epoch_279") },
        Self {
            name: "1.1",
            rules: before_21!("truncate" = "epoch_101", "epoch_answer" = "next_larger_only"),
        },
        Self {
            name: "0.10",
            rules: before_21!(
                "truncate" = "local_hw",
                "epoch_answer" = "next_larger_only";
                "unclean_election" = "on"
            ),
        },
    ];

    /// Every era as a scenario file names it, with its rules.
    pub const WORDS: &'static [(&'static str, &'static [(&'static str, &'static str)])] = &{
        let mut words = [("", &[] as &[(&str, &str)]); Self::ALL.len()];
        let mut at = 0;
        while at < words.len() {
            words[at] = (Self::ALL[at].name, Self::ALL[at].rules);
            at += 1;
        }
        words
    };

    /// The rules of a time.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|era| era.name == name)
    }

    /// Puts its rules in force.
    pub fn apply(&self, rules: &mut Rules) {
        for (rule, value) in self.rules {
            rules.set(rule, value).expect("a test sets every rule of every era");
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::super::Need;
    use super::{Era, Rules};

    #[test]
    fn eras_name_rules_that_exist_and_values_other_than_todays() {
        for era in Era::ALL {
            let mut rules = Rules::default();
            era.apply(&mut rules);
            assert_eq!(rules == Rules::default(), era.name == "today", "{}", era.name);
            for (rule, value) in era.rules {
                let (_, values) = Rules::ALL.iter().find(|r| r.0 == *rule).expect("a rule");
                assert_ne!(values[0], *value, "{}: {rule}", era.name);
            }
        }
    }

    #[test]
    fn needs_name_rules_and_values_that_exist() {
        assert_eq!(Rules::NEEDS.len(), Rules::ALL.len());
        for ((rule, _), needs) in Rules::ALL.iter().zip(Rules::NEEDS) {
            let others = needs.iter().flat_map(|need| match need {
                Need::OneOf(others) => *others,
                _ => &[],
            });
            for (other, value) in others {
                let known = Rules::ALL.iter().find(|known| known.0 == *other);
                assert!(known.is_some_and(|known| known.1.contains(value)), "{rule}: {other}");
                assert_ne!(rule, other);
            }
        }
    }

    #[test]
    fn an_older_era_has_every_rule_that_a_newer_one_lost() {
        for pair in Era::ALL.windows(2) {
            let older: Vec<&str> = pair[1].rules.iter().map(|r| r.0).collect();
            assert!(pair[0].rules.iter().all(|(rule, _)| older.contains(rule)), "{}", pair[1].name);
        }
    }
}
