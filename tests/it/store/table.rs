//! What a table can hold that this gateway did not write, and what is made of it.

use foundry_gateway::{
    continuity::store::{ConversationStore, Inserted, StoreError, Taken},
    foundry::http_client,
};
use serde_json::{Value, json};

use super::{NOW, PATIENT, Place, TestClock, key, row, table_store};
use crate::support::{Azurite, SOON, bearer_token};

/// Writes an entity past the store.
async fn write(azurite: &Azurite, table: &str, row_key: &str, columns: &Value) {
    let http = http_client::build(SOON, Some(&azurite.certificate_file())).unwrap();
    let url = format!(
        "{}/{table}(PartitionKey='aa',RowKey='{row_key}')",
        azurite.endpoint()
    );
    let response = http
        .put(url)
        .bearer_auth(bearer_token())
        .header("x-ms-version", "2019-02-02")
        .header("dataserviceversion", "3.0")
        .header("content-type", "application/json")
        .body(columns.to_string())
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 204, "{}", response.text().await.unwrap());
}

/// Columns as the store writes them, for an expired row.
fn good_columns() -> Value {
    json!({
        "Schema": 1,
        "UpstreamKind": "response",
        "UpstreamId": "resp_1",
        "Agent": "helper:3",
        "Scope": "5c09e",
        "InstructionsDigest": "",
        "ThreadId": "",
        "ExpiresAt": (NOW + 10).to_string(),
        "ExpiresAt@odata.type": "Edm.Int64",
    })
}

#[tokio::test]
async fn rows_that_cannot_be_read_count_as_not_there_and_can_be_removed() {
    let azurite = Azurite::with_bearer_tokens().await;
    let place = Place::BearerToken(azurite);
    let clock = TestClock::at(NOW);
    let store = place.store("corrupt", clock.clone());
    let Place::BearerToken(azurite) = &place else {
        unreachable!();
    };
    // Makes the table.
    assert_eq!(store.get(&key("aa", "good")).await.unwrap(), None);
    write(azurite, "corrupt", "good", &good_columns()).await;
    assert!(store.get(&key("aa", "good")).await.unwrap().is_some());

    let mut newer = good_columns();
    newer["Schema"] = json!(2);
    let mut mistyped = good_columns();
    mistyped["Agent"] = json!(7);
    let mut incomplete = good_columns();
    incomplete.as_object_mut().unwrap().remove("UpstreamId");
    let bad = [
        ("newer", newer),
        ("mistyped", mistyped),
        ("incomplete", incomplete),
    ];
    for (name, columns) in &bad {
        write(azurite, "corrupt", name, columns).await;
        assert_eq!(store.get(&key("aa", name)).await.unwrap(), None, "{name}");
    }

    let page = store.expired(NOW + 10, None, 10).await.unwrap();
    assert_eq!(page.rows.len(), 4);
    for expired in page.rows {
        let is_good = expired.key == key("aa", "good");
        assert_eq!(expired.row.is_some(), is_good, "{:?}", expired.key);
        if expired.key == key("aa", "newer") {
            let taken = store.take(&expired.key, &expired.version).await;
            assert_eq!(taken.unwrap(), Taken::Yes);
        }
    }
    let inserted = store.insert(&key("aa", "mistyped"), &row("resp_2")).await;
    assert_eq!(
        inserted.unwrap(),
        Inserted::Yes,
        "it gives way to a row that can be read"
    );
    let found = store.get(&key("aa", "mistyped")).await.unwrap().unwrap();
    assert_eq!(found.row, row("resp_2"));
}

#[tokio::test]
async fn a_wrong_key_is_denied_and_the_error_says_what_to_do() {
    let azurite = Azurite::with_shared_key().await;
    let connection_string = format!(
        "AccountName=devstoreaccount1;AccountKey=d3Jvbmc=;TableEndpoint={}",
        azurite.endpoint()
    );
    let settings = [("THREADS_CONNECTION_STRING", connection_string.as_str())];
    let store = table_store(&settings, None, PATIENT, TestClock::at(NOW));
    let error = store.get(&key("aa", "bb")).await.unwrap_err();
    assert!(matches!(error, StoreError::Denied { .. }), "{error}");
    let text = error.to_string();
    assert!(
        text.contains("THREADS_CONNECTION_STRING") && text.contains("AuthorizationFailure"),
        "{text}"
    );
    assert!(!text.contains("d3Jvbmc"), "{text}");
}

#[tokio::test]
async fn many_first_requests_make_the_table_together() {
    let azurite = Azurite::with_shared_key().await;
    let place = Place::SharedKey(azurite);
    let store = place.store("together", TestClock::at(NOW));
    let inserts = (0..20).map(|number| {
        let store: &dyn ConversationStore = &*store;
        async move {
            let key = key("aa", &format!("{number:02}"));
            store.insert(&key, &row("resp_1")).await
        }
    });
    for inserted in futures_util::future::join_all(inserts).await {
        assert_eq!(inserted.unwrap(), Inserted::Yes);
    }
}
