use scenarios::Scenario;

use crate::plan::Plan;

/// One transactional service between two topics, and a broker that is killed.
const TEXT: &str = r#"
[scenario]
name = "told"
warmup = "200ms"
duration = "3s"
[cluster]
brokers = 3
hardware = "test"
[topic.orders]
partitions = 2
replication = 3
[topic.payments]
partitions = 1
replication = 3
[service.order]
kind = "ingress"
output = "orders"
[service.payment]
kind = "transform"
input = "orders"
output = "payments"
transactional = true
[service.payment.consumer]
"isolation.level" = "read_committed"
[load.calls]
into = "order"
arrivals = { model = "open", rate = "50/s" }
[[fault]]
kind = "broker-kill"
target = "leader-of:orders/0"
at = "500ms"
for = "500ms"
"#;

/// Every line of a run, events and notes.
fn told() -> Vec<String> {
    let scenario = Scenario::parse(TEXT, &[]).unwrap_or_else(|errors| {
        panic!("{}", errors.iter().map(|e| e.render("told", TEXT)).collect::<String>())
    });
    let mut world = crate::run::world_of(Plan::new(&scenario, 0).expect("known rules"));
    world.narrate();
    let mut lines = Vec::new();
    while let Some((_, line)) = world.next_event() {
        lines.push(line);
        world.step();
        lines.extend(world.take_told());
    }
    lines
}

/// What a reader finds in a trace: each part must stand in one line, in this order of parts.
const EXPECTED: &[&[&str]] = &[
    &["broker 1 -> controller 3000: BrokerRegistration of broker 1, incarnation 1"],
    &["broker 2 is unfenced"],
    &["administrator -> controller 3000: CreateTopics orders with 2 partitions"],
    &["leads orders/0 in epoch 0 from 0"],
    &["payment/0 consumer -> broker", "JoinGroup group payment as a new member, wants orders"],
    &["JoinGroup member", "leads generation 1 of 1 member"],
    &["group payment is stable in generation 1, 1 member"],
    &["order/0 producer -> broker", "Produce acks=all orders/", "record", "sequence 0"],
    &["handles for order/0 producer: Produce acks=all orders/"],
    &["=> order/0 producer: Produce orders/", "at 0"],
    &["copies orders/0 [0, "],
    &["payment/0 consumer -> broker", "Fetch read_committed", "orders/0 from 0"],
    &["TxnOffsetCommit transactional id ", "group payment generation 1, orders/"],
    &["EndTxn commit transactional id ", "producer "],
    &["WriteTxnMarkers commit producer "],
    &["writes commit marker of producer", "to payments/0"],
    &["fault 0 begins: broker-kill of leader-of:orders/0, which is broker "],
    &["fault 0 ends: broker-kill"],
    &["controller: orders/0 is led by broker", "ISR ["],
    &["run: the load is over"],
    &["looks for dirty pages"],
    &["payment/0: timer"],
    &["run: the end"],
];

#[test]
fn a_trace_says_what_happens() {
    let lines = told();
    for parts in EXPECTED {
        let found = lines.iter().any(|line| {
            let mut rest = line.as_str();
            parts.iter().all(|part| match rest.find(part) {
                Some(at) => {
                    rest = &rest[at + part.len()..];
                    true
                }
                None => false,
            })
        });
        assert!(found, "no line says {parts:?}");
    }
}

#[test]
fn a_trace_names_everything() {
    for line in told() {
        for raw in ["PartitionId", "Slot(", "Arrive", "#", "  "] {
            assert!(!line.contains(raw), "{raw} in {line}");
        }
    }
}

#[test]
fn telling_changes_nothing() {
    let scenario = Scenario::parse(TEXT, &[]).expect("as above");
    let plan = || Plan::new(&scenario, 0).expect("known rules");
    let mut silent = crate::run::world_of(plan());
    while silent.step() {}
    let mut loud = crate::run::world_of(plan());
    loud.narrate();
    while loud.next_event().is_some() && loud.step() {
        loud.take_told();
    }
    assert_eq!(silent.trace(), loud.trace());
}
