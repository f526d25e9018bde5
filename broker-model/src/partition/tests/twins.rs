//! The rules against naive versions of themselves.

use alloc::vec::Vec;

use proptest::prelude::*;

use crate::partition::{
    HoldsBack, effective_min_isr, high_watermark, is_caught_up, last_stable_offset, may_join,
};
use crate::rules::{HighWatermarkRule, LastStableOffset, Rules};
use crate::types::{Instant, Offset};

fn follower() -> impl Strategy<Value = HoldsBack> {
    (-1_i64..20, any::<bool>())
        .prop_map(|(end, counts)| HoldsBack { log_end_offset: Offset(end), counts })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// The largest offset that every replica of the maximal ISR has.
    #[test]
    fn the_high_watermark_is_on_every_counting_replica(
        followers in prop::collection::vec(follower(), 0..4),
        current in 0_i64..20,
        ahead in 0_i64..5,
        under in any::<bool>(),
    ) {
        let end = current + ahead;
        let everyone_has = |offset: i64| {
            offset <= end && followers.iter().all(|f| !f.counts || f.log_end_offset.0 >= offset)
        };
        let naive = (current + 1..=end).rev().find(|&o| !under && everyone_has(o));
        let real = high_watermark(
            &Rules::default(),
            Offset(current),
            Offset(end),
            followers.iter().copied(),
            under,
        );
        prop_assert_eq!(real.0, naive.unwrap_or(current));
        let canary = Rules { high_watermark: HighWatermarkRule::LeaderOnly, ..Rules::default() };
        let alone =
            high_watermark(&canary, Offset(current), Offset(end), followers.into_iter(), under);
        prop_assert_eq!(alone.0, if under { current } else { end });
    }

    /// Nothing at or after the start of an unstable transaction, nor unreplicated, is stable.
    #[test]
    fn the_last_stable_offset_is_below_all_that_is_unstable(
        unstable in prop::collection::vec(0_i64..30, 0..3),
        replicated in 0_i64..20,
        ahead in 0_i64..5,
    ) {
        let end = Offset(replicated + ahead);
        let naive = (0..=replicated).rev().find(|&o| unstable.iter().all(|&u| o <= u));
        let first = unstable.iter().copied().min().map(Offset);
        let rules = Rules::default();
        let real = last_stable_offset(&rules, first, Offset(replicated), end);
        prop_assert_eq!(Some(real.0), naive);
        let canary = Rules { last_stable_offset: LastStableOffset::LogEnd, ..rules };
        prop_assert_eq!(last_stable_offset(&canary, first, Offset(replicated), end), end);
    }

    #[test]
    fn the_isr_rules_are_their_sentences(
        leader in 0_i64..5,
        follower in -1_i64..5,
        then in prop::option::of(0_u64..10),
        now in 0_u64..10,
        lag in 0_u64..10,
        high in 0_i64..5,
        start in 0_i64..5,
    ) {
        let lacks_nothing = leader == follower;
        let recent = then.is_some_and(|t| now <= t || now - t <= lag);
        let caught_up = is_caught_up(
            Offset(leader),
            Offset(follower),
            then.map(Instant),
            Instant(now),
            lag,
        );
        prop_assert_eq!(caught_up, lacks_nothing || recent);
        let joins = may_join(Offset(follower), Offset(high), Offset(start));
        prop_assert_eq!(joins, follower >= high.max(start));
    }

    #[test]
    fn min_isr_is_capped(min in 1_u32..9, replicas in 1_usize..5) {
        let satisfiable: Vec<usize> = (1..=replicas).filter(|n| *n <= min as usize).collect();
        prop_assert_eq!(Some(effective_min_isr(min, replicas)), satisfiable.last().copied());
    }
}
