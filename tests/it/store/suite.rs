//! What every store does.

use std::collections::BTreeSet;

use foundry_gateway::continuity::store::{
    ConversationStore, Inserted, Key, MAX_PAGE, Replaced, Row, Stored, Taken, Upstream,
};
use futures_util::{StreamExt, future::join_all, stream};

use super::{NOW, Place, TestClock, key, row};

/// Runs every part on an empty store of its own; for tables, each therefore begins with a missing one.
pub(super) async fn run(place: &Place) {
    rows_come_back_as_they_went_in(place).await;
    a_row_is_inserted_once(place).await;
    only_one_of_many_inserts_wins(place).await;
    replace_wants_the_version_that_is_there(place).await;
    only_one_of_many_takers_wins(place).await;
    an_expired_row_counts_as_not_there(place).await;
    expired_rows_come_in_pages(place).await;
}

/// The row, which has to be there.
async fn stored(store: &dyn ConversationStore, key: &Key) -> Stored {
    store.get(key).await.unwrap().unwrap()
}

async fn rows_come_back_as_they_went_in(place: &Place) {
    let store = place.store("roundtrip", TestClock::at(NOW));
    let thread = Row {
        upstream: Upstream::Thread {
            id: "thread_1".to_owned(),
        },
        agent: "asst_1".to_owned(),
        scope: "ab".repeat(32),
        instructions_digest: "cd".repeat(32),
        thread_id: "\"quoted\" <ünïcode> 🦀\n".to_owned(),
        history: None,
        session: None,
        began_at: i64::MAX.unsigned_abs(),
        expires_at: i64::MAX.unsigned_abs(),
    };
    for (index, written) in [row("resp_1"), thread].into_iter().enumerate() {
        let key = key(&"0123456789abcdef".repeat(4), &format!("{index:064}"));
        assert_eq!(store.get(&key).await.unwrap(), None);
        assert_eq!(store.insert(&key, &written).await.unwrap(), Inserted::Yes);
        assert_eq!(stored(&*store, &key).await.row, written);
    }
    // Keys are hexadecimal; should they ever not be, the store still tells them apart.
    let odd = key("it's", "a+b c%27");
    store.insert(&odd, &row("odd")).await.unwrap();
    assert_eq!(stored(&*store, &odd).await.row, row("odd"));
}

async fn a_row_is_inserted_once(place: &Place) {
    let store = place.store("insert", TestClock::at(NOW));
    let key = key("a1", "b2");
    assert_eq!(
        store.insert(&key, &row("one")).await.unwrap(),
        Inserted::Yes
    );
    assert_eq!(
        store.insert(&key, &row("two")).await.unwrap(),
        Inserted::AlreadyThere
    );
    assert_eq!(stored(&*store, &key).await.row, row("one"));
}

async fn only_one_of_many_inserts_wins(place: &Place) {
    let store = place.store("inserts", TestClock::at(NOW));
    let key = key("a1", "b2");
    let names: Vec<_> = (0..20).map(|number| format!("resp_{number}")).collect();
    let inserts = names.iter().map(|name| {
        let (store, key) = (&store, &key);
        async move { (name, store.insert(key, &row(name)).await.unwrap()) }
    });
    let outcomes = join_all(inserts).await;
    let winners: Vec<_> = outcomes
        .iter()
        .filter(|(_, outcome)| *outcome == Inserted::Yes)
        .collect();
    assert_eq!(winners.len(), 1, "{outcomes:?}");
    assert_eq!(stored(&*store, &key).await.row, row(winners[0].0));
}

async fn replace_wants_the_version_that_is_there(place: &Place) {
    let store = place.store("replace", TestClock::at(NOW));
    let key = key("a1", "b2");
    store.insert(&key, &row("one")).await.unwrap();
    let first = stored(&*store, &key).await;
    let replaced = store.replace(&key, &row("two"), &first.version).await;
    assert_eq!(replaced.unwrap(), Replaced::Yes);
    let stale = store.replace(&key, &row("three"), &first.version).await;
    assert_eq!(stale.unwrap(), Replaced::Changed);
    let second = stored(&*store, &key).await;
    assert_eq!(second.row, row("two"));
    assert_ne!(first.version, second.version);
    assert_eq!(
        store.take(&key, &first.version).await.unwrap(),
        Taken::Gone,
        "a stale version takes nothing"
    );
    assert_eq!(store.take(&key, &second.version).await.unwrap(), Taken::Yes);
    let gone = store.replace(&key, &row("four"), &second.version).await;
    assert_eq!(gone.unwrap(), Replaced::Changed);
    assert_eq!(store.get(&key).await.unwrap(), None);
}

async fn only_one_of_many_takers_wins(place: &Place) {
    let store = place.store("take", TestClock::at(NOW));
    for round in 0..5 {
        let key = key("a1", &format!("b{round}"));
        store.insert(&key, &row("one")).await.unwrap();
        let version = stored(&*store, &key).await.version;
        let takers = (0..20).map(|_| store.take(&key, &version));
        let outcomes: Vec<_> = join_all(takers)
            .await
            .into_iter()
            .map(Result::unwrap)
            .collect();
        let winners = outcomes.iter().filter(|outcome| **outcome == Taken::Yes);
        assert_eq!(winners.count(), 1, "{outcomes:?}");
        assert_eq!(store.get(&key).await.unwrap(), None);
    }
}

async fn an_expired_row_counts_as_not_there(place: &Place) {
    let clock = TestClock::at(NOW);
    let store = place.store("expiry", clock.clone());
    let key = key("a1", "b2");
    let short = Row {
        expires_at: NOW + 60,
        ..row("short")
    };
    store.insert(&key, &short).await.unwrap();
    clock.set(NOW + 59);
    assert_eq!(stored(&*store, &key).await.row, short);
    assert_eq!(
        store.insert(&key, &row("new")).await.unwrap(),
        Inserted::AlreadyThere
    );
    clock.set(NOW + 60);
    assert_eq!(store.get(&key).await.unwrap(), None);
    assert_eq!(
        store.insert(&key, &row("new")).await.unwrap(),
        Inserted::Yes
    );
    assert_eq!(stored(&*store, &key).await.row, row("new"));
}

/// More than fit into the largest page.
const EXPIRED: usize = MAX_PAGE + 50;

async fn expired_rows_come_in_pages(place: &Place) {
    let store = place.store("expired", TestClock::at(NOW));
    let old = Row {
        expires_at: NOW - 1,
        ..row("old")
    };
    let keys: BTreeSet<_> = (0..EXPIRED)
        .map(|number| key(&format!("{:02x}", number % 7), &format!("{number:08x}")))
        .collect();
    stream::iter(&keys)
        .for_each_concurrent(20, |key| async {
            store.insert(key, &old).await.unwrap();
        })
        .await;
    store.insert(&key("ff", "00"), &row("alive")).await.unwrap();

    let first = store.expired(NOW, None, usize::MAX).await.unwrap();
    assert_eq!(first.rows.len(), MAX_PAGE, "a page has a limit");
    assert!(first.next.is_some());

    let mut seen = Vec::new();
    let mut next = None;
    loop {
        let page = store.expired(NOW, next, 400).await.unwrap();
        assert!(page.rows.len() <= 400);
        for expired in page.rows {
            assert_eq!(expired.row.as_ref(), Some(&old));
            assert_eq!(
                store.take(&expired.key, &expired.version).await.unwrap(),
                Taken::Yes,
                "the version of a listed row is good"
            );
            seen.push(expired.key);
        }
        next = page.next;
        if next.is_none() {
            break;
        }
    }
    assert_eq!(seen.len(), EXPIRED, "each row once");
    assert_eq!(seen.into_iter().collect::<BTreeSet<_>>(), keys);
    let nothing = store.expired(NOW, None, 400).await.unwrap();
    assert_eq!((nothing.rows.len(), nothing.next), (0, None));
    assert_eq!(stored(&*store, &key("ff", "00")).await.row, row("alive"));
}
