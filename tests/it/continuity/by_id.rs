//! An id together with a history: the history says where in the conversation the turn belongs.

use super::*;

/// The id that was told, and what was said.
async fn conversation(gateway: &Gateway, agent: &str, texts: &[&str]) -> (Value, Vec<Value>) {
    let mut chat = Chat::new(gateway, agent);
    let mut id = Value::Null;
    for text in texts {
        let answer = answer_of(gateway.chat(chat.asking(text)).await).await;
        chat.messages.push(json!({"role": "user", "content": text}));
        chat.messages.push(answer["choices"][0]["message"].clone());
        id = answer["thread_id"].clone();
    }
    (id, chat.messages)
}

/// Everything the agent has seen once `messages` are asked under `id`: what was sent, and what its head had already.
async fn seen(
    emulator: &Emulator,
    gateway: &Gateway,
    agent: &str,
    id: &Value,
    messages: &[Value],
) -> (Vec<String>, bool) {
    let body = json!({"model": agent, "thread_id": id, "messages": messages});
    answer_of(gateway.chat(body).await).await;
    let requests = emulator.journal().requests();
    let sent = requests
        .iter()
        .rfind(|request| request.operation.starts_with("create_"))
        .unwrap();
    let continued =
        sent.operation == "create_run" || sent.body.get("previous_response_id").is_some();
    let texts = if sent.body.get("thread").is_some() {
        let messages = sent.body["thread"]["messages"].as_array().unwrap();
        messages
            .iter()
            .map(|message| message["content"].to_string())
            .collect()
    } else {
        texts_sent(sent)
    };
    (texts, continued)
}

fn user(text: &str) -> Value {
    json!({"role": "user", "content": text})
}

#[tokio::test]
async fn an_answer_is_regenerated_at_its_place() {
    for agent in ["assistant", "asst_assistant"] {
        let (emulator, gateway) = emulator_and_gateway().await;
        let (id, messages) = conversation(&gateway, agent, &["one", "two"]).await;
        // The second question again, with the history before it.
        let again = [&messages[..2], &[user("two")]].concat();
        let (sent, continued) = seen(&emulator, &gateway, agent, &id, &again).await;
        if agent == "assistant" {
            assert_eq!(
                (sent, continued),
                (vec!["two".to_owned()], true),
                "from the older head"
            );
        } else {
            assert_eq!(
                (sent.len(), continued),
                (3, false),
                "on a thread of its own: {sent:?}"
            );
        }
        // What was regenerated is what the id means from now on.
        let (sent, continued) = seen(&emulator, &gateway, agent, &id, &[user("three")]).await;
        assert_eq!(
            (sent, continued),
            (vec!["three".to_owned()], true),
            "{agent}"
        );
    }
}

#[tokio::test]
async fn a_part_of_the_history_is_no_reason_to_lose_the_rest() {
    for agent in ["assistant", "asst_assistant"] {
        let (emulator, gateway) = emulator_and_gateway().await;
        let (id, messages) = conversation(&gateway, agent, &["one", "two"]).await;
        let window = [&messages[2..], &[user("three")]].concat();
        let (sent, continued) = seen(&emulator, &gateway, agent, &id, &window).await;
        assert_eq!(
            (sent, continued),
            (vec!["three".to_owned()], true),
            "{agent}"
        );
    }
}

#[tokio::test]
async fn a_history_that_went_with_an_id_is_recognised_without_it() {
    for agent in ["assistant", "asst_assistant"] {
        let (emulator, gateway) = emulator_and_gateway().await;
        let (id, mut messages) = conversation(&gateway, agent, &["one"]).await;
        messages.push(user("two"));
        let body = json!({"model": agent, "thread_id": id, "messages": messages});
        let answer = answer_of(gateway.chat(body).await).await;
        messages.push(answer["choices"][0]["message"].clone());
        messages.push(user("three"));
        let (sent, continued) = seen(&emulator, &gateway, agent, &Value::Null, &messages).await;
        assert_eq!(
            (sent, continued),
            (vec!["three".to_owned()], true),
            "{agent}"
        );
    }
}

/// What led to the newest turn is known although it was asked for by the id alone: a history with the same beginning
/// and another end is not a window of it.
#[tokio::test]
async fn an_edit_after_a_turn_by_the_id_alone_is_not_answered_from_what_was_edited_away() {
    for agent in ["assistant", "asst_assistant"] {
        let (emulator, gateway) = emulator_and_gateway().await;
        let (id, messages) = conversation(&gateway, agent, &["one"]).await;
        let (sent, continued) = seen(&emulator, &gateway, agent, &id, &[user("two")]).await;
        assert_eq!((sent.len(), continued), (1, true), "{agent}");
        let (sent, continued) = seen(&emulator, &gateway, agent, &id, &[user("three")]).await;
        assert_eq!((sent.len(), continued), (1, true), "{agent}");
        let other = json!({"role": "assistant", "content": "an answer that the client changed"});
        let edited = [messages[0].clone(), other, user("four")];
        let (sent, continued) = seen(&emulator, &gateway, agent, &id, &edited).await;
        assert_eq!((sent.len(), continued), (3, false), "{agent}: {sent:?}");
    }
}

/// Whoever is recognised by the history may be in another conversation of the same caller, which has gone on already or
/// will yet: an id that both were told would lead the one into what the other has said.
#[tokio::test]
async fn an_id_that_was_told_for_a_recognised_history_leads_into_no_other_conversation() {
    for agent in ["assistant", "asst_assistant"] {
        let (_emulator, gateway) = emulator_and_gateway().await;
        let gateway = &gateway;
        let (first, messages) = conversation(gateway, agent, &["hi"]).await;
        let by_id = async |id: &Value, text: &str| {
            let body = json!({"model": agent, "thread_id": id, "messages": [user(text)]});
            answer_of(gateway.chat(body).await).await.to_string()
        };
        // Two others with the same beginning, one before the first goes on, and one after it.
        let recognised = async |text: &str| {
            let messages = [&messages[..], &[user(text)]].concat();
            let body = json!({"model": agent, "messages": messages});
            answer_of(gateway.chat(body).await).await["thread_id"].clone()
        };
        let second = recognised("My name is Bob.").await;
        if agent == "assistant" {
            // The thread of a classic agent went on with the second, and the first shows its history.
            by_id(&first, "My name is Ada.").await;
        }
        let third = recognised("My name is Eve.").await;
        let told = [&first, &second, &third].map(|id| id.as_str().unwrap());
        assert!(
            told[1].starts_with(&format!("{}_", told[0])),
            "{agent}: {told:?}"
        );
        let names = [("Ada", &first), ("Bob", &second), ("Eve", &third)];
        for (name, id) in &names[usize::from(agent != "assistant")..] {
            let answer = by_id(id, "What is my name?").await;
            for (other, _) in names {
                assert_eq!(answer.contains(other), other == *name, "{agent}: {answer}");
            }
        }
    }
}

/// Who went by the id alone and shows everything afterwards goes on where it was.
#[tokio::test]
async fn a_whole_history_is_recognised_after_a_turn_by_the_id_alone() {
    for agent in ["assistant", "asst_assistant"] {
        let (emulator, gateway) = emulator_and_gateway().await;
        let (id, mut messages) = conversation(&gateway, agent, &["one"]).await;
        let body = json!({"model": agent, "thread_id": id, "messages": [user("two")]});
        let answer = answer_of(gateway.chat(body).await).await;
        messages.extend([
            user("two"),
            answer["choices"][0]["message"].clone(),
            user("three"),
        ]);
        let (sent, continued) = seen(&emulator, &gateway, agent, &id, &messages).await;
        assert_eq!(
            (sent, continued),
            (vec!["three".to_owned()], true),
            "{agent}"
        );
    }
}

#[tokio::test]
async fn a_window_of_a_conversation_does_not_stand_for_the_whole_of_it() {
    let (emulator, gateway) = emulator_and_gateway().await;
    let (id, _) = conversation(&gateway, "assistant", &["My name is Ada."]).await;
    let asked = json!({"model": "assistant", "thread_id": id, "messages": [user("hi")]});
    let answer = answer_of(gateway.chat(asked).await).await;
    // Who shows only this much must not be answered from more than this.
    let window = [
        user("hi"),
        answer["choices"][0]["message"].clone(),
        user("What is my name?"),
    ];
    let (sent, continued) = seen(&emulator, &gateway, "assistant", &Value::Null, &window).await;
    assert_eq!((sent.len(), continued), (3, false), "{sent:?}");
}

#[tokio::test]
async fn of_two_conversations_that_began_alike_each_keeps_its_own_history() {
    let (emulator, gateway) = emulator_and_gateway().await;
    let agent = "asst_assistant";
    let (_, mut messages) = conversation(&gateway, agent, &["one"]).await;
    // The same answer to the same question, on a thread of its own.
    let (second, _) = conversation(&gateway, agent, &["one"]).await;
    messages.push(user("two"));
    let body = json!({"model": agent, "messages": messages});
    let answer = answer_of(gateway.chat(body).await).await;
    messages.push(answer["choices"][0]["message"].clone());
    messages.push(user("three"));
    let (sent, continued) = seen(&emulator, &gateway, agent, &second, &messages).await;
    assert_eq!((sent.len(), continued), (5, false), "{sent:?}");
}
