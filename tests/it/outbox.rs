//! Rows and their records: what a dual write loses, and what an outbox does not.

use reports::checker::{Anomaly, Verdict};
use reports::summary::Summary;

use crate::small::{run, scenario};

/// What is told of rows and records.
fn told(summary: &Summary) -> &str {
    let mut checks = summary.checks.iter();
    &checks.find(|one| one.name == "rows-match-records").expect("there are rows").detail
}

/// A shipped file without its faults.
fn quiet(file: &str) -> Summary {
    let mut one = scenario(&format!("extends = \"services/{file}\"\n"));
    one.faults.clear();
    run(&one, 0)
}

#[test]
fn without_a_crash_a_dual_write_is_complete() {
    for file in ["dual-write-lost.toml", "dual-write-phantom.toml", "outbox.toml"] {
        let summary = quiet(file);
        assert_eq!(summary.verdict, Verdict::Pass, "{file}: {:?}", summary.anomalies);
        assert!(
            told(&summary).contains("4,000 rows, 4,000 records, 0 of them again"),
            "{file}: {}",
            told(&summary)
        );
    }
}

/// It takes no crash: a send that fails is enough.
#[test]
fn a_send_that_fails_loses_the_event_of_a_row() {
    let failing = "[service.order.producer]\n\"linger.ms\" = 0\n\"request.timeout.ms\" = 300\n\
                   \"delivery.timeout.ms\" = 600\n[[fault]]\nkind = \"restart-all\"\nat = \"5s\"\n\
                   for = \"3s\"\n";
    let text = format!("extends = \"services/dual-write-lost.toml\"\n{failing}");
    let summary = run(&scenario(&text), 0);
    assert!(summary.anomalies.contains(&Anomaly::EventLost), "{:?}", summary.anomalies);
    let text = format!(
        "extends = \"services/outbox.toml\"\n{}",
        failing.replace("service.order.producer", "service.relay.producer")
    );
    let summary = run(&scenario(&text), 0);
    assert!(!summary.anomalies.contains(&Anomaly::EventLost), "{:?}", summary.anomalies);
    assert!(told(&summary).contains("4,000 rows"), "{}", told(&summary));
}

#[test]
fn relays_that_lock_or_divide_publish_each_row_once() {
    for claim in ["skip-locked", "by-key"] {
        let text = format!(
            "extends = \"services/outbox-two-relays.toml\"\n[service.relay]\nclaim = \"{claim}\"\n\
             time = \"1ms\"\n"
        );
        let summary = run(&scenario(&text), 0);
        assert_eq!(summary.verdict, Verdict::Pass, "{claim}: {:?}", summary.anomalies);
        assert!(told(&summary).contains("4,000 records, 0 of them again"), "{}", told(&summary));
    }
}

/// Two relays side by side overtake each other, unless each has its own keys.
#[test]
fn the_order_of_a_key_is_kept_by_who_divides_keys() {
    let told = |claim: &str| {
        let text = format!(
            "extends = \"services/outbox-two-relays.toml\"\n[service.relay]\nclaim = \"{claim}\"\n\
             time = \"1ms\"\nbatch = 7\n[load.customers]\nkeys = \"uniform(5)\"\n\
             [check]\nper_key_order = [\"orders\"]\n"
        );
        run(&scenario(&text), 0)
    };
    let divided = told("by-key");
    assert_eq!(divided.verdict, Verdict::Pass, "{:?}", divided.anomalies);
    assert!(told("skip-locked").anomalies.contains(&Anomaly::ReorderedKey));
}

/// What an outbox holds is told as a lag, and a relay that is away makes it long.
#[test]
fn what_waits_in_an_outbox_is_told() {
    let summary = quiet("outbox.toml");
    let lag = summary.lag.get("order-rows").expect("it is told");
    assert!(lag.max_records > 0 && lag.max_s < 0.2 && lag.end_records == 0, "{lag:?}");
    let away = "extends = \"services/outbox.toml\"\n[[fault]]\nkind = \"service-kill\"\n\
                target = \"service:relay\"\nat = \"5s\"\nfor = \"3s\"\n";
    let summary = run(&scenario(away), 0);
    let lag = summary.lag.get("order-rows").expect("it is told");
    assert!(lag.max_records >= 580 && lag.max_s > 2.9, "{lag:?}");
    assert_eq!(lag.end_records, 0);
}

/// A relay that is asked to stop marks what it has sent; one that is killed sends it again.
#[test]
fn a_relay_that_is_asked_to_stop_finishes_what_it_has_taken() {
    let ended = |kind: &str| {
        let text = format!(
            "extends = \"services/outbox.toml\"\n[[fault]]\nkind = \"{kind}\"\n\
             target = \"service:relay/0\"\non = \"append:orders/0#50\"\nfor = \"1s\"\n\
             [gate]\n\"lag(order-rows).max_seconds\" = \"< 2s\"\n"
        );
        let mut one = scenario(&text);
        one.faults.retain(|fault| fault.name != "crash");
        run(&one, 0)
    };
    let stopped = ended("service-stop");
    assert_eq!(stopped.verdict, Verdict::Pass, "{:?}", stopped.anomalies);
    assert!(
        told(&stopped).contains("4,000 rows, 4,000 records, 0 of them again"),
        "{}",
        told(&stopped)
    );
    assert_eq!(stopped.records.unknown, 0);
    let away = stopped.lag.get("order-rows").expect("it is told");
    assert!(away.max_s > 0.9, "it ends, and is away until the fault is over: {away:?}");
    let killed = ended("service-kill");
    assert!(!told(&killed).contains("4,000 records, 0 of them again"), "{}", told(&killed));
}
