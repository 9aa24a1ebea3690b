//! Files: uploaded by callers, made by agents, each for the caller it belongs to.

use foundry_emulator::{Behaviour, Emulator, Fault, Stage};
use serde_json::{Value, json};

use crate::support::{Gateway, KEY, SOON, always, emulator, emulator_and_gateway, error_of};

mod in_messages;

const OTHER: &str = "other-key-0123456789";
const TWO_CALLERS: &str = "test=test-key-0123456789,other=other-key-0123456789";
const BOUNDARY: &str = "a-boundary";

async fn two_callers() -> (Emulator, Gateway) {
    let emulator = emulator(Behaviour::default()).await;
    let settings = [("GATEWAY_API_KEYS", TWO_CALLERS)];
    let gateway = Gateway::in_front_of(&emulator.project_endpoint(), &settings).await;
    (emulator, gateway)
}

/// A form as browsers and clients write it.
fn form(name: &str, content: &str, purpose: Option<&str>) -> String {
    let purpose = purpose.map_or(String::new(), |purpose| {
        format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\n{purpose}\r\n"
        )
    });
    format!(
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\
         Content-Type: text/plain\r\n\r\n{content}\r\n{purpose}--{BOUNDARY}--\r\n"
    )
}

async fn post_form(
    gateway: &Gateway,
    key: &str,
    body: impl Into<reqwest::Body>,
) -> reqwest::Response {
    let kind = format!("multipart/form-data; boundary={BOUNDARY}");
    let request = gateway.http.post(gateway.url("/v1/files")).bearer_auth(key);
    let request = request.header("content-type", kind).body(body);
    request.send().await.unwrap()
}

async fn json_of(response: reqwest::Response) -> Value {
    let status = response.status();
    let text = response.text().await.unwrap();
    assert_eq!(status, 200, "{text}");
    serde_json::from_str(&text).unwrap()
}

async fn upload(gateway: &Gateway, key: &str, name: &str, content: &str) -> Value {
    json_of(post_form(gateway, key, form(name, content, Some("assistants"))).await).await
}

async fn get(gateway: &Gateway, key: &str, path: &str) -> reqwest::Response {
    let request = gateway.http.get(gateway.url(path)).bearer_auth(key);
    request.send().await.unwrap()
}

fn id_of(file: &Value) -> &str {
    file["id"].as_str().unwrap()
}

#[tokio::test]
async fn a_file_is_uploaded_listed_read_and_deleted() {
    let (emulator, gateway) = two_callers().await;
    let file = upload(&gateway, KEY, "größe.txt", "a \"file\"\r\nof two lines").await;
    assert_eq!(file["filename"], "größe.txt");
    assert_eq!(
        (&file["object"], &file["purpose"]),
        (&json!("file"), &json!("assistants"))
    );
    assert_eq!(file["bytes"], 22);
    let path = format!("/v1/files/{}", id_of(&file));
    assert_eq!(json_of(get(&gateway, KEY, &path).await).await, file);
    let content = get(&gateway, KEY, &format!("{path}/content")).await;
    assert_eq!(content.headers()["x-content-type-options"], "nosniff");
    assert_eq!(content.headers()["content-disposition"], "attachment");
    assert_eq!(content.text().await.unwrap(), "a \"file\"\r\nof two lines");
    let list = json_of(get(&gateway, KEY, "/v1/files").await).await;
    assert_eq!(list["data"], json!([file]));

    let request = gateway.http.delete(gateway.url(&path)).bearer_auth(KEY);
    let deleted = json_of(request.send().await.unwrap()).await;
    assert_eq!(
        deleted,
        json!({"id": id_of(&file), "object": "file", "deleted": true})
    );
    assert_eq!(get(&gateway, KEY, &path).await.status(), 404);
    assert_eq!(emulator.journal().count("delete_file"), 1);
}

#[tokio::test]
async fn another_callers_file_is_like_one_that_does_not_exist() {
    let (emulator, gateway) = two_callers().await;
    let mine = upload(&gateway, KEY, "mine.txt", "secret").await;
    upload(&gateway, OTHER, "theirs.txt", "theirs").await;
    emulator.journal().clear();
    for path in [String::new(), "/content".to_owned()] {
        let path = format!("/v1/files/{}{path}", id_of(&mine));
        let (status, error) = error_of(get(&gateway, OTHER, &path).await).await;
        assert_eq!(
            (status, error["code"].as_str()),
            (404, Some("file_not_found"))
        );
        let forged = path.replace("file-", "file-b3BlbmFp");
        assert_eq!(get(&gateway, KEY, &forged).await.status(), 404);
    }
    let request = gateway
        .http
        .delete(gateway.url(&format!("/v1/files/{}", id_of(&mine))));
    assert_eq!(
        request.bearer_auth(OTHER).send().await.unwrap().status(),
        404
    );
    assert_eq!(
        emulator.journal().requests().len(),
        0,
        "the service is not even asked"
    );
    let names = |list: Value| {
        list["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|file| file["filename"].clone())
            .collect::<Vec<_>>()
    };
    let theirs = json_of(get(&gateway, OTHER, "/v1/files").await).await;
    assert_eq!(names(theirs), ["theirs.txt"]);
    let raw = format!("/v1/files/{}", "assistant-emulatedtable");
    assert_eq!(get(&gateway, KEY, &raw).await.status(), 404);
}

/// What is public (the endpoint, the caller's name) must not be enough to make an id.
#[tokio::test]
async fn without_any_secret_of_the_operator_ids_are_good_for_one_process() {
    let emulator = emulator(Behaviour::default()).await;
    let settings = [
        ("GATEWAY_API_KEYS", ""),
        ("GATEWAY_ALLOW_ANONYMOUS", "true"),
    ];
    let gateway = Gateway::in_front_of(&emulator.project_endpoint(), &settings).await;
    let file = upload(&gateway, KEY, "a.txt", "x").await;
    let path = format!("/v1/files/{}", id_of(&file));
    assert_eq!(get(&gateway, KEY, &path).await.status(), 200);
    let other = Gateway::in_front_of(&emulator.project_endpoint(), &settings).await;
    assert_eq!(get(&other, KEY, &path).await.status(), 404);
    let settings = [
        settings[0],
        settings[1],
        (
            "GATEWAY_CONTINUITY_KEY",
            "a-secret-of-the-operator-0123456789",
        ),
    ];
    let one = Gateway::in_front_of(&emulator.project_endpoint(), &settings).await;
    let another = Gateway::in_front_of(&emulator.project_endpoint(), &settings).await;
    let file = upload(&one, KEY, "b.txt", "x").await;
    let path = format!("/v1/files/{}", id_of(&file));
    assert_eq!(get(&another, KEY, &path).await.status(), 200);
}

#[tokio::test]
async fn a_list_has_pages_and_an_order() {
    let emulator = emulator(Behaviour {
        page_size_max: Some(2),
        ..Behaviour::default()
    })
    .await;
    let gateway = Gateway::in_front_of(&emulator.project_endpoint(), &[]).await;
    for number in 1..=5 {
        upload(&gateway, KEY, &format!("{number}.txt"), "x").await;
    }
    let names = |list: &Value| {
        let files = list["data"].as_array().unwrap().iter();
        files
            .map(|file| file["filename"].as_str().unwrap()[..1].to_owned())
            .collect::<String>()
    };
    let first = json_of(get(&gateway, KEY, "/v1/files?order=asc&limit=3").await).await;
    assert_eq!(
        (names(&first).as_str(), &first["has_more"]),
        ("123", &json!(true))
    );
    let after = first["last_id"].as_str().unwrap();
    let rest =
        json_of(get(&gateway, KEY, &format!("/v1/files?order=asc&after={after}")).await).await;
    assert_eq!(
        (names(&rest).as_str(), &rest["has_more"]),
        ("45", &json!(false))
    );
    let newest = json_of(get(&gateway, KEY, "/v1/files?limit=1").await).await;
    assert_eq!(names(&newest), "5");
    let (status, error) = error_of(get(&gateway, KEY, "/v1/files?order=up").await).await;
    assert_eq!((status, error["param"].as_str()), (400, Some("order")));
    let none = json_of(get(&gateway, KEY, "/v1/files?purpose=vision").await).await;
    assert_eq!(
        (none["data"].clone(), none["first_id"].clone()),
        (json!([]), Value::Null)
    );
}

#[tokio::test]
async fn a_form_that_cannot_be_used_says_why() {
    let emulator = emulator(Behaviour::default()).await;
    let settings = [("GATEWAY_MAX_FILE_BYTES", "2048")];
    let gateway = Gateway::in_front_of(&emulator.project_endpoint(), &settings).await;
    let good = form("a.txt", "x", Some("assistants"));
    let purpose_alone = good.split_inclusive("x\r\n").nth(1).unwrap().to_owned();
    let rows = [
        (
            form("a.txt", "x", None),
            400,
            "purpose",
            "missing_required_parameter",
        ),
        (purpose_alone, 400, "file", "missing_required_parameter"),
        (
            good[..good.len() - 30].to_owned(),
            400,
            "file",
            "invalid_value",
        ),
        (String::new(), 400, "file", "invalid_value"),
        (
            form("a.txt", &"x".repeat(2049), Some("assistants")),
            413,
            "file",
            "file_too_large",
        ),
        (
            form("a.txt", "x", Some(&"x".repeat(4097))),
            400,
            "purpose",
            "invalid_value",
        ),
    ];
    for (body, status, param, code) in rows {
        let shown = body.chars().take(200).collect::<String>();
        let (found, error) = error_of(post_form(&gateway, KEY, body).await).await;
        assert_eq!(
            (found, error["param"].as_str(), error["code"].as_str()),
            (status, Some(param), Some(code)),
            "{shown}"
        );
    }
    let fits = form("a.txt", &"x".repeat(2048), Some("assistants"));
    assert_eq!(post_form(&gateway, KEY, fits).await.status(), 200);
    let request = gateway
        .http
        .post(gateway.url("/v1/files"))
        .bearer_auth(KEY)
        .body("{}");
    assert_eq!(request.send().await.unwrap().status(), 400);
}

#[tokio::test]
async fn what_an_agent_made_can_be_downloaded_by_its_caller_only() {
    let (_emulator, gateway) = two_callers().await;
    let rows = [
        ("makes-files", "chart.csv", &b"x,y\n22,7\n"[..]),
        ("asst_makes_files", "chart.csv", b"x,y\n22,7\n"),
        ("draws", "image.png", b"\x89PNG"),
    ];
    for (agent, name, begins) in rows {
        let answer = json_of(gateway.ask(agent, "go").await).await;
        let annotations = answer["choices"][0]["message"]["annotations"]
            .as_array()
            .unwrap();
        let made = annotations
            .iter()
            .find(|annotation| annotation["file_path"]["filename"] == name);
        let made = made.unwrap_or_else(|| panic!("{answer}"));
        let url = made["url_citation"]["url"].as_str().unwrap();
        let path = url.strip_prefix(&gateway.url("")).unwrap();
        let content = get(&gateway, KEY, path).await;
        assert_eq!(content.status(), 200, "{agent}");
        assert!(
            content.bytes().await.unwrap().starts_with(begins),
            "{agent}"
        );
        let described = json_of(get(&gateway, KEY, path.trim_end_matches("/content")).await).await;
        assert_eq!(described["filename"], name);
        assert!(0 < described["bytes"].as_u64().unwrap());
        assert_eq!(get(&gateway, OTHER, path).await.status(), 404);
    }
}

#[tokio::test]
async fn files_that_go_with_their_conversation_are_not_deleted_by_themselves() {
    let (_emulator, gateway) = emulator_and_gateway().await;
    let answer = json_of(gateway.ask("makes-files", "go").await).await;
    let annotation = &answer["choices"][0]["message"]["annotations"][0];
    let path = format!(
        "/v1/files/{}",
        annotation["file_path"]["file_id"].as_str().unwrap()
    );
    let request = gateway.http.delete(gateway.url(&path)).bearer_auth(KEY);
    assert_eq!(request.send().await.unwrap().status(), 400);
}

#[tokio::test]
async fn a_service_that_stalls_or_fails_is_told_like_any_other() {
    let stalls = emulator(always("get_file_content", Stage::Headers, Fault::Stall)).await;
    let settings = [("GATEWAY_FIRST_BYTE_TIMEOUT_SECONDS", "0.2")];
    let gateway = Gateway::in_front_of(&stalls.project_endpoint(), &settings).await;
    let file = upload(&gateway, KEY, "a.txt", "x").await;
    let path = format!("/v1/files/{}/content", id_of(&file));
    assert_eq!(get(&gateway, KEY, &path).await.status(), 504);
    let status = Fault::Status {
        status: 500,
        headers: std::collections::BTreeMap::new(),
        body: json!({"error": {"code": "server_error", "message": "x"}}),
    };
    let fails = emulator(always("upload_file", Stage::Headers, status)).await;
    let gateway = Gateway::in_front_of(&fails.project_endpoint(), &[]).await;
    let response = post_form(&gateway, KEY, form("a.txt", "x", Some("assistants"))).await;
    assert_eq!(response.status(), 502);
    assert_eq!(
        fails.journal().count("upload_file"),
        1,
        "a stream is not sent again"
    );
}

#[tokio::test]
async fn a_field_that_is_too_long_is_not_told_as_a_file_that_is_too_large() {
    let (_emulator, gateway) = emulator_and_gateway().await;
    let too_long = form("a.txt", "x", Some(&"x".repeat(4097)));
    let (status, error) = error_of(post_form(&gateway, KEY, too_long).await).await;
    assert_eq!((status, error["param"].as_str()), (400, Some("purpose")));
    let message = error["message"].as_str().unwrap();
    assert_eq!(
        message,
        "the field \"purpose\" of the form is longer than 4096 bytes; only the field file may be"
    );
    let name = "n".repeat(100);
    let long_name = form("a.txt", "x", Some(&"x".repeat(4097)))
        .replace("name=\"purpose\"", &format!("name=\"{name}\""));
    let (status, error) = error_of(post_form(&gateway, KEY, long_name).await).await;
    assert_eq!((status, error["param"].as_str()), (400, Some(&name[..64])));
    let fits = form("a.txt", "x", Some(&"x".repeat(4096)));
    assert_ne!(
        error_of(post_form(&gateway, KEY, fits).await).await.1["param"],
        "purpose",
        "what the service says to it is another matter"
    );
}

/// What is kept until the end of a head is found must not be what a file may have.
#[tokio::test]
async fn a_form_whose_head_does_not_end_is_not_kept_whole() {
    let (emulator, gateway) = emulator_and_gateway().await;
    let endless = "x".repeat(2 << 20);
    let heads = [
        format!("--{BOUNDARY}\r\nContent-Disposition: {endless}"),
        // Before the first boundary anything may stand.
        endless.clone(),
        form("a.txt", "x", None).replace(&format!("--{BOUNDARY}--\r\n"), "")
            + &format!("--{BOUNDARY}\r\nx-endless: {endless}"),
    ];
    for head in heads {
        let (status, error) = error_of(post_form(&gateway, KEY, head).await).await;
        assert_eq!(
            (status, error["code"].as_str()),
            (400, Some("invalid_value"))
        );
        let message = error["message"].as_str().unwrap();
        assert!(message.contains("longer than 1048576 bytes"), "{message}");
    }
    assert_eq!(emulator.journal().count("list_files"), 0);
    let file = upload(&gateway, KEY, "a.txt", &"x".repeat(3 << 20)).await;
    assert_eq!(
        file["bytes"],
        3 << 20,
        "a content may be as long as it likes"
    );
}

#[tokio::test]
async fn a_download_that_trickles_ends_in_time_and_does_not_look_whole() {
    let trickles = emulator(always("get_file_content", Stage::Middle, Fault::Slow)).await;
    let settings = [("GATEWAY_STREAM_TIMEOUT_SECONDS", "0.5")];
    let gateway = Gateway::in_front_of(&trickles.project_endpoint(), &settings).await;
    let file = upload(&gateway, KEY, "a.txt", &"x".repeat(1000)).await;
    let path = format!("/v1/files/{}/content", id_of(&file));
    let content = get(&gateway, KEY, &path).await;
    assert_eq!(content.status(), 200);
    let read = tokio::time::timeout(SOON, content.bytes()).await.unwrap();
    assert!(read.is_err(), "{read:?}");
}
