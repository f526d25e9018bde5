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

/// Its only member is away from the beginning, so that all is deleted before its first commit.
fn never_committed(reset: &str) -> Summary {
    overtaken(&format!(
        "[service.shipping.consumer]\n\"auto.offset.reset\" = \"{reset}\"\n\
         [[fault]]\nat = \"0s\"\nkind = \"service-pause\"\ntarget = \"service:shipping\"\n\
         for = \"30s\"\n"
    ))
}

#[test]
fn a_group_that_never_committed_misses_what_it_would_have_begun_with() {
    let summary = never_committed("earliest");
    let told = unread(&summary).expect("nothing was read");
    assert!(told.first.contains("shipping at 0, "), "{told:?}");
    assert_eq!(unread(&never_committed("latest")), None, "it begins with what comes");
}

#[test]
fn lag_counts_from_where_the_log_begins() {
    let summary = overtaken(
        "[load.customers]\nlimit = 3000\narrivals = { model = \"open\", rate = \"500/s\" }\n\
         [[fault]]\nat = \"0s\"\nkind = \"service-pause\"\ntarget = \"service:shipping\"\n\
         for = \"30s\"\n",
    );
    assert_eq!(summary.records.acknowledged, 3_000);
    let most = summary.lag.get("shipping").expect("the group").max_records;
    // What retention has for 1.5 s, a segment and a look of half a second each.
    assert!((1_001..1_500).contains(&most), "{most}");
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
