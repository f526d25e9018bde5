//! Deletions of what a group has not read are told, and fail nothing by themselves.

use reports::checker::Verdict;
use reports::summary::{Hazard, Summary};

use crate::small::{run, scenario};

/// Retention overtakes a group; `more` says how fast that one is.
fn overtaken(more: &str) -> Summary {
    run(&scenario(&format!("extends = \"storage/retention-overtakes.toml\"\n{more}")), 0)
}

fn unread(summary: &Summary) -> Option<&Hazard> {
    summary.hazards.iter().find(|hazard| hazard.name == "deleted-unread")
}

#[test]
fn what_retention_deletes_unread_is_told_with_its_group() {
    let summary = overtaken("");
    let told = unread(&summary).expect("the group is slow");
    assert!(told.count > 1, "{told:?}");
    assert!(told.first.contains("orders/0") && told.first.contains("shipping"), "{told:?}");
}

#[test]
fn a_group_that_keeps_up_is_not_told_of() {
    let summary = overtaken("[service.shipping]\ntime = \"1ms\"\n");
    assert!(summary.checks.iter().any(|check| check.detail.contains("retention")), "it deletes");
    assert_eq!((unread(&summary), summary.verdict), (None, Verdict::Pass));
}

#[test]
fn the_canary_that_deletes_up_to_the_end_of_the_log_is_told_too() {
    let broken = "[service.shipping]\ntime = \"1ms\"\n[protocol]\nretention_bound = \"log-end\"\n\
                  [topic.orders.config]\n\"segment.ms\" = 500\n\"retention.ms\" = 1\n";
    let summary = overtaken(broken);
    assert!(unread(&summary).is_some(), "{:?}", summary.anomalies);
}
