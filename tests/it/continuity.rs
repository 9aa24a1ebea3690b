//! Conversations continue: what reaches the service, turn by turn, as its journal shows it.

mod by_id;
mod costs;
mod late;
mod lost;
mod named;

use foundry_emulator::{Emulator, RecordedRequest};
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::{Gateway, SOON, emulator_and_gateway, error_of, events_of};

const TWO_CALLERS: &str = "web=web-key-0123456789ab,app=app-key-0123456789ab";

/// A client that resends its whole history, as clients do.
struct Chat<'a> {
    gateway: &'a Gateway,
    agent: &'a str,
    messages: Vec<Value>,
}

impl<'a> Chat<'a> {
    fn new(gateway: &'a Gateway, agent: &'a str) -> Self {
        Self {
            gateway,
            agent,
            messages: Vec::new(),
        }
    }

    fn asking(&self, text: &str) -> Value {
        let mut messages = self.messages.clone();
        messages.push(json!({"role": "user", "content": text}));
        json!({"model": self.agent, "messages": messages})
    }

    async fn say(&mut self, text: &str) -> String {
        let answer = answer_of(self.gateway.chat(self.asking(text)).await).await;
        self.messages.push(json!({"role": "user", "content": text}));
        self.messages.push(answer["choices"][0]["message"].clone());
        answer["choices"][0]["message"]["content"]
            .as_str()
            .unwrap()
            .to_owned()
    }
}

async fn answer_of(response: reqwest::Response) -> Value {
    let status = response.status();
    let text = response.text().await.unwrap();
    assert_eq!(status, 200, "{text}");
    serde_json::from_str(&text).unwrap()
}

fn last(emulator: &Emulator, operation: &str) -> RecordedRequest {
    let requests = emulator.journal().requests();
    requests
        .into_iter()
        .rfind(|request| request.operation == operation)
        .unwrap()
}

fn texts_sent(request: &RecordedRequest) -> Vec<String> {
    let items = request.body["input"]
        .as_array()
        .or_else(|| request.body["additional_messages"].as_array());
    let texts = items.into_iter().flatten().map(|item| {
        item["content"][0]["text"]
            .as_str()
            .unwrap_or("?")
            .to_owned()
    });
    texts.collect()
}

#[tokio::test]
async fn a_new_agent_is_sent_only_what_is_new() {
    let (emulator, gateway) = emulator_and_gateway().await;
    let mut chat = Chat::new(&gateway, "assistant");
    chat.say("My name is Ada.").await;
    assert_eq!(
        last(&emulator, "create_response")
            .body
            .get("previous_response_id"),
        None
    );
    for text in ["I like tea.", "And rain.", "And maps."] {
        chat.say(text).await;
        let sent = last(&emulator, "create_response");
        assert_eq!(texts_sent(&sent), [text]);
        assert!(
            sent.body["previous_response_id"]
                .as_str()
                .unwrap()
                .starts_with("resp_")
        );
    }
    assert!(chat.say("What is my name?").await.contains("Ada"));
    assert_eq!(
        emulator.journal().count("create_response"),
        5,
        "one call a turn"
    );
}

#[tokio::test]
async fn a_classic_agent_stays_on_one_thread() {
    let (emulator, gateway) = emulator_and_gateway().await;
    let mut chat = Chat::new(&gateway, "asst_assistant");
    chat.say("My name is Ada.").await;
    chat.say("I like tea.").await;
    assert_eq!(texts_sent(&last(&emulator, "create_run")), ["I like tea."]);
    assert!(chat.say("What is my name?").await.contains("Ada"));
    let operations: Vec<_> = emulator
        .journal()
        .requests()
        .into_iter()
        .map(|request| request.operation)
        .collect();
    assert_eq!(
        operations,
        ["create_thread_and_run", "create_run", "create_run"]
    );
}

#[tokio::test]
async fn a_stream_continues_like_an_answer_and_tells_its_id_once() {
    let (emulator, gateway) = emulator_and_gateway().await;
    let response = gateway.ask_streamed("assistant", "My name is Ada.").await;
    let id = response.headers()["x-thread-id"]
        .to_str()
        .unwrap()
        .to_owned();
    let stream = response.text().await.unwrap();
    let events = events_of(&stream);
    assert!(
        events[0].contains(&format!("\"thread_id\":\"{id}\"")),
        "{}",
        events[0]
    );
    assert_eq!(stream.matches("thread_id").count(), 1);
    let messages = json!([
        {"role": "user", "content": [{"type": "text", "text": " My name is Ada.\n"}]},
        {"role": "assistant", "content": format!("\n{} ", crate::support::text_of(&stream)), "refusal": null},
        {"role": "user", "content": "What is my name?"},
    ]);
    let body = json!({"model": "assistant", "stream": true, "messages": messages});
    let stream = gateway.chat(body).await.text().await.unwrap();
    assert!(crate::support::text_of(&stream).contains("Ada"));
    assert_eq!(
        texts_sent(&last(&emulator, "create_response")),
        ["What is my name?"]
    );
}

#[tokio::test]
async fn regenerated_and_edited_turns_branch_off_where_they_belong() {
    let (emulator, gateway) = emulator_and_gateway().await;
    let mut chat = Chat::new(&gateway, "assistant");
    chat.say("My name is Ada.").await;
    let first = last(&emulator, "create_response");
    chat.say("I like tea.").await;
    let head = last(&emulator, "create_response").body["previous_response_id"].clone();
    // Regenerate the second answer, then edit the second question, then go on from both at once.
    let mut again = Chat::new(&gateway, "assistant");
    again.messages = chat.messages[..2].to_vec();
    let mut edited = Chat::new(&gateway, "assistant");
    edited.messages = chat.messages[..2].to_vec();
    again.say("I like tea.").await;
    assert_eq!(
        last(&emulator, "create_response").body["previous_response_id"],
        head
    );
    edited.say("I like coffee.").await;
    assert_eq!(
        last(&emulator, "create_response").body["previous_response_id"],
        head
    );
    assert_ne!(first.body, last(&emulator, "create_response").body);
    let parallel = ["one", "two", "three"].map(|text| gateway.chat(edited.asking(text)));
    for answer in join_all(parallel).await {
        answer_of(answer).await;
    }
    let heads: Vec<_> = emulator
        .journal()
        .requests()
        .iter()
        .rev()
        .take(3)
        .map(|request| request.body["previous_response_id"].clone())
        .collect();
    assert!(
        heads.windows(2).all(|pair| pair[0] == pair[1]) && heads[0] != head,
        "{heads:?}"
    );
}

#[tokio::test]
async fn of_two_that_continue_one_thread_one_replays() {
    let (emulator, gateway) = emulator_and_gateway().await;
    let mut chat = Chat::new(&gateway, "asst_assistant");
    chat.say("My name is Ada.").await;
    emulator.journal().clear();
    let both = join_all(
        ["What is my name? A", "What is my name? B"].map(|text| gateway.chat(chat.asking(text))),
    )
    .await;
    for response in both {
        let answer = answer_of(response).await;
        assert!(
            answer["choices"][0]["message"]["content"]
                .as_str()
                .unwrap()
                .contains("Ada"),
            "{answer}"
        );
    }
    let journal = emulator.journal();
    assert_eq!(
        (
            journal.count("create_run"),
            journal.count("create_thread_and_run")
        ),
        (1, 1)
    );
}

#[tokio::test]
async fn a_thread_that_went_on_by_its_id_is_not_found_by_an_earlier_history() {
    let (emulator, gateway) = emulator_and_gateway().await;
    let mut chat = Chat::new(&gateway, "asst_assistant");
    let first = answer_of(gateway.chat(chat.asking("My name is Ada.")).await).await;
    chat.messages
        .push(json!({"role": "user", "content": "My name is Ada."}));
    chat.messages.push(first["choices"][0]["message"].clone());
    let mut by_id = json!({"model": "asst_assistant", "thread_id": first["thread_id"]});
    for text in ["My name is Grace.", "And rain."] {
        by_id["messages"] = json!([{"role": "user", "content": text}]);
        answer_of(gateway.chat(by_id.clone()).await).await;
    }
    assert_eq!(
        (
            emulator.journal().count("create_run"),
            emulator.journal().count("create_thread_and_run")
        ),
        (2, 1),
        "by its id it stays on its thread"
    );
    let answer = chat.say("What is my name?").await;
    assert!(answer.contains("Ada"), "{answer}");
}

#[tokio::test]
async fn system_text_travels_once_and_again_when_it_changes() {
    let (emulator, gateway) = emulator_and_gateway().await;
    let mut chat = Chat::new(&gateway, "assistant");
    chat.messages
        .push(json!({"role": "system", "content": "Be brief."}));
    chat.say("one").await;
    assert_eq!(
        texts_sent(&last(&emulator, "create_response")),
        ["Be brief.", "one"]
    );
    chat.say("two").await;
    assert_eq!(texts_sent(&last(&emulator, "create_response")), ["two"]);
    chat.messages[0] = json!({"role": "system", "content": "Be polite."});
    chat.say("three").await;
    assert_eq!(
        texts_sent(&last(&emulator, "create_response")),
        ["Be polite.", "three"]
    );
    chat.say("four").await;
    assert_eq!(texts_sent(&last(&emulator, "create_response")), ["four"]);
}

#[tokio::test]
async fn system_text_that_the_client_took_back_is_not_left_behind() {
    let (emulator, gateway) = emulator_and_gateway().await;
    let mut chat = Chat::new(&gateway, "assistant");
    chat.messages
        .push(json!({"role": "system", "content": "Be brief."}));
    chat.say("one").await;
    chat.messages.remove(0);
    chat.say("two").await;
    let sent = last(&emulator, "create_response");
    assert_eq!(sent.body.get("previous_response_id"), None);
    assert_eq!(texts_sent(&sent)[0], "one");
    chat.say("three").await;
    assert_eq!(texts_sent(&last(&emulator, "create_response")), ["three"]);
}

#[tokio::test]
async fn who_names_a_conversation_need_not_repeat_its_system_text() {
    let (emulator, gateway) = emulator_and_gateway().await;
    let system = json!({"role": "system", "content": "Be brief."});
    let user = |text: &str| json!({"role": "user", "content": text});
    let first = json!({"model": "assistant", "messages": [system, user("one")]});
    let id = answer_of(gateway.chat(first).await).await["thread_id"].clone();
    for messages in [json!([user("two")]), json!([system, user("three")])] {
        let body = json!({"model": "assistant", "thread_id": id, "messages": messages});
        answer_of(gateway.chat(body).await).await;
    }
    let sent = last(&emulator, "create_response");
    assert_eq!(texts_sent(&sent), ["three"], "the system text is known");
}
