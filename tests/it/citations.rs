//! Citations of every kind, markers kept or stripped, and links to what agents made.

use serde_json::{Value, json};

use crate::support::{Gateway, ScriptedUpstream, emulator_and_gateway, events_of, text_of};

const STRIP: [(&str, &str); 1] = [("GATEWAY_CITATION_MARKERS", "strip")];

async fn message(gateway: &Gateway, agent: &str) -> Value {
    let response = gateway.ask(agent, "go").await;
    let text = response.text().await.unwrap();
    let answer: Value = serde_json::from_str(&text).unwrap();
    answer["choices"][0]["message"].clone()
}

/// The stretch of the text that an annotation is about, counted in code points.
fn stretch(text: &str, annotation: &Value) -> String {
    let index = |name: &str| {
        let index = annotation["url_citation"][name].as_u64().unwrap();
        usize::try_from(index).unwrap()
    };
    let (start, end) = (index("start_index"), index("end_index"));
    text.chars().skip(start).take(end - start).collect()
}

fn annotations_of(stream: &str) -> Vec<Value> {
    let chunks = events_of(stream);
    let chunks = chunks
        .iter()
        .filter_map(|data| serde_json::from_str::<Value>(data).ok());
    chunks
        .filter_map(|chunk| {
            chunk["choices"][0]["delta"]["annotations"]
                .as_array()
                .cloned()
        })
        .flatten()
        .collect()
}

#[tokio::test]
async fn pages_and_documents_are_cited_where_they_back_the_text() {
    let (_emulator, gateway) = emulator_and_gateway().await;
    let rows = [
        ("cites", "the π page", ""),
        ("asst_cites", "【3:0†source】", "【3:1†constants.md】"),
    ];
    for (agent, page, document) in rows {
        let whole = message(&gateway, agent).await;
        let text = whole["content"].as_str().unwrap();
        let annotations = whole["annotations"].as_array().unwrap();
        let [cited_page, cited_document] = annotations.as_slice() else {
            panic!("{whole}");
        };
        assert_eq!(stretch(text, cited_page), page);
        assert_eq!(cited_page["url_citation"]["url"], "https://example.com/pi");
        assert_eq!(stretch(text, cited_document), document);
        assert_eq!(cited_document["type"], "url_citation");
        assert_eq!(cited_document["url_citation"]["title"], "constants.md");
        let file_id = cited_document["file_citation"]["file_id"].as_str().unwrap();
        assert_eq!(
            cited_document["url_citation"]["url"],
            format!("urn:foundry:file:{file_id}"),
            "being told of a document is no right to read it"
        );
        let stream = gateway
            .ask_streamed(agent, "go")
            .await
            .text()
            .await
            .unwrap();
        assert_eq!(text_of(&stream), text);
        assert_eq!(&annotations_of(&stream), annotations);
    }
}

#[tokio::test]
async fn stripped_markers_leave_annotations_in_place_and_the_conversation_goes_on() {
    let (emulator, _) = emulator_and_gateway().await;
    let gateway = Gateway::in_front_of(&emulator.project_endpoint(), &STRIP).await;
    let whole = message(&gateway, "asst_cites").await;
    let text = whole["content"].as_str().unwrap();
    assert_eq!(text, "π is about 3.14159 ≈ 22/7, says  and so does .");
    let places: Vec<_> = whole["annotations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|annotation| {
            let citation = &annotation["url_citation"];
            (
                citation["start_index"].as_u64().unwrap(),
                citation["end_index"].as_u64().unwrap(),
            )
        })
        .collect();
    assert_eq!(places, [(32, 32), (45, 45)]);
    let stream = gateway
        .ask_streamed("asst_cites", "go")
        .await
        .text()
        .await
        .unwrap();
    assert_eq!(text_of(&stream), text);

    let history = json!({"model": "asst_cites", "messages": [{"role": "user", "content": "go"}, whole,
        {"role": "user", "content": "again"}]});
    emulator.journal().clear();
    gateway.chat(history).await.text().await.unwrap();
    assert_eq!(
        emulator.journal().count("create_run"),
        1,
        "it is the thread that goes on"
    );
    assert_eq!(emulator.journal().count("create_thread_and_run"), 0);
}

#[tokio::test]
async fn a_marker_in_pieces_is_cut_from_a_new_agents_stream() {
    let upstream = ScriptedUpstream::start().await;
    let gateway = Gateway::in_front_of(&upstream.project_endpoint(), &STRIP).await;
    let delta = |text: &str| {
        let data = json!({"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": text});
        format!("event: response.output_text.delta\ndata: {data}\n\n")
    };
    let annotation = json!({"output_index": 0, "content_index": 0, "annotation": {"type": "url_citation",
        "start_index": 4, "end_index": 16, "url": "https://example.com", "title": "T"}});
    let events = [
        delta("3.14【4:0"),
        delta("†sour"),
        delta("ce】 is"),
        format!("event: response.output_text.annotation.added\ndata: {annotation}\n\n"),
        delta(" π 【"),
        "event: response.completed\ndata: {\"response\":{\"status\":\"completed\"}}\n\n".to_owned(),
    ];
    upstream.then_stream(&events.concat());
    let stream = gateway
        .ask_streamed("helper", "go")
        .await
        .text()
        .await
        .unwrap();
    assert_eq!(text_of(&stream), "3.14 is π 【");
    let annotations = annotations_of(&stream);
    assert_eq!(annotations[0]["url_citation"]["start_index"], 4);
    assert_eq!(annotations[0]["url_citation"]["end_index"], 4);
    assert!(stream.ends_with("data: [DONE]\n\n"));
}

#[tokio::test]
async fn what_an_agent_made_is_linked_and_annotated() {
    let (_emulator, gateway) = emulator_and_gateway().await;
    let base = gateway.url("/v1/files/file-");
    for (agent, links) in [("makes-files", 1), ("asst_makes_files", 2), ("draws", 1)] {
        let whole = message(&gateway, agent).await;
        let text = whole["content"].as_str().unwrap();
        assert_eq!(text.matches(&format!("]({base}")).count(), links, "{text}");
        let made: Vec<&Value> = whole["annotations"].as_array().unwrap().iter().collect();
        let linked = made
            .iter()
            .filter(|annotation| stretch(text, annotation).contains(&base));
        assert_eq!(linked.count(), links);
        for annotation in made {
            let id = annotation["file_path"]["file_id"].as_str().unwrap();
            let url = annotation["url_citation"]["url"].as_str().unwrap();
            assert_eq!(url, gateway.url(&format!("/v1/files/{id}/content")));
        }
        let stream = gateway
            .ask_streamed(agent, "go")
            .await
            .text()
            .await
            .unwrap();
        assert_eq!(text_of(&stream).matches(&base).count(), links);
    }
}

#[tokio::test]
async fn an_image_that_nothing_keeps_is_in_the_answer() {
    let (emulator, _) = emulator_and_gateway().await;
    let settings = [("GATEWAY_CONTINUITY", "off")];
    let gateway = Gateway::in_front_of(&emulator.project_endpoint(), &settings).await;
    let whole = message(&gateway, "draws").await;
    let text = whole["content"].as_str().unwrap();
    assert!(
        text.contains("![image.png](data:image/png;base64,iVBOR"),
        "{text}"
    );
}

#[tokio::test]
async fn links_lead_where_the_settings_say() {
    let (emulator, _) = emulator_and_gateway().await;
    let settings = [("GATEWAY_PUBLIC_URL", "https://ai.example.com/")];
    let gateway = Gateway::in_front_of(&emulator.project_endpoint(), &settings).await;
    let whole = message(&gateway, "makes-files").await;
    let text = whole["content"].as_str().unwrap();
    assert!(
        text.contains("](https://ai.example.com/v1/files/file-"),
        "{text}"
    );
}
