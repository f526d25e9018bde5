//! A payment service as async code, tried under a seed.

use assize::hosted::{Delivery, Hosting, HostingError, NewRecord, Process};
use assize::run::Run;
use broker_model::types::MILLISECOND;
use scenarios::Scenario;

/// Three brokers, a load of orders, and who takes part. What `payment` does is below; the file
/// says how many instances it has, what it reads and writes, and what goes wrong.
const SCENARIO: &str = r#"
[scenario]
name = "async-payment"
duration = "5s"

[cluster]
brokers = 3
hardware = "test"

[topic.orders]
partitions = 3
replication = 3

[topic.payments]
partitions = 3
replication = 3

[service.order]
kind = "ingress"
output = "orders"

[service.payment]
kind = "transform"
instances = 2
input = "orders"
output = "payments"

[service.payment.consumer]
"auto.offset.reset" = "earliest"

[service.audit]
kind = "reader"
input = "payments"

[load.customers]
into = "order"
arrivals = { model = "open", rate = "200/s" }

[[fault]]
kind = "broker-kill"
target = "leader-of:orders/0"
at = "500ms..2s"
for = "1s"

[[fault]]
kind = "service-kill"
target = "service:payment/1"
at = "1s..3s"
for = "500ms"
"#;

/// Makes a payment of each order, and commits the orders when their payments are acknowledged.
async fn payment(process: Process) {
    let mut consumer = process.consumer();
    let producer = process.producer();
    loop {
        // An error of a poll is told once; the next poll goes on where it can.
        let Ok(polled) = consumer.poll().await else { continue };
        // The work itself: time passes only where a program lets it pass.
        process.sleep(2 * MILLISECOND).await;
        let mut sent = Vec::new();
        for order in polled.messages() {
            sent.push(producer.send(NewRecord::made_of(order, 200)));
        }
        let mut all_there = true;
        for delivery in sent {
            all_there &= matches!(delivery.await, Delivery::Acknowledged { .. });
        }
        if all_there {
            // What could not be committed now will be with the next commit.
            let _committed = consumer.commit().await;
        } else {
            for run in &polled.runs {
                consumer.seek(run.partition, run.messages[0].offset);
            }
        }
    }
}

/// One run. The same seed gives the same run, faults and all.
pub fn run(seed: u64) -> Result<Run, HostingError> {
    let scenario = Scenario::parse(SCENARIO, &[]).expect("the scenario is part of the program");
    Hosting::new(&scenario, seed).service("payment", payment).run()
}
