//! A short soak: two gateways under a load of conversations, with faults everywhere around them. `scripts/soak.sh`
//! holds it for longer.

use std::time::Duration;

use soak::{Options, Outcome, Report};
use tokio::sync::Mutex;

/// One at a time: each keeps a machine busy.
static ALONE: Mutex<()> = Mutex::const_new(());

/// Seconds of load, and right answers that are wanted, for which a busy machine may take longer.
async fn soak(seconds: u64, at_least: u64, change: impl FnOnce(&mut Options)) -> Report {
    let _alone = ALONE.lock().await;
    let gateway = env!("CARGO_BIN_EXE_foundry-gateway");
    let mut options = Options::new(gateway, Duration::from_secs(seconds));
    options.at_least = at_least;
    options.conversations = 24;
    change(&mut options);
    soak::run(options).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_load_and_faults_no_answer_is_wrong_and_nothing_is_lost_or_mixed_or_leaks() {
    let report = soak(20, 200, |options| {
        options.store_life = Duration::from_secs(12);
    })
    .await;
    assert_eq!(report.problems(), Vec::<String>::new(), "{report}");
    // It was not idle, and neither were the faults.
    assert!(200 <= report.count(Outcome::Right), "{report}");
    assert!(50 <= report.faults(), "{report}");
    assert!(10 <= report.count(Outcome::Failed), "{report}");
    assert!(5 <= report.count(Outcome::Left), "{report}");
    assert!(1 <= report.store_losses(), "{report}");
    for way in ["history", "name and history", "id and history", "id alone"] {
        assert!(1 <= report.right_by(way), "{way}: {report}");
    }
    assert_eq!(report.gateways().len(), 2);
    for gateway in report.gateways() {
        assert!(gateway.permits_are_back && gateway.exit_code == Some(0));
        assert!(
            gateway
                .resources
                .is_some_and(|resources| 20 <= resources.samples)
        );
    }
}

/// The model says of one in ten conversations that it was given less, more, or another one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_is_lost_doubled_or_of_another_conversation_does_not_escape_the_soak() {
    let report = soak(10, 100, |options| options.falsify = true).await;
    let falsified = [Outcome::Lost, Outcome::Wrong, Outcome::Mixed];
    for outcome in falsified {
        assert!(1 <= report.count(outcome), "{outcome:?}: {report}");
    }
    let problems = report.problems();
    assert!(3 <= problems.len(), "{problems:?}");
    // Only what was falsified.
    let found: u64 = falsified.map(|outcome| report.count(outcome)).iter().sum();
    assert!(found < report.count(Outcome::Right) / 2, "{report}");
    assert_eq!(report.count(Outcome::Malformed), 0, "{report}");
}
