use crate::server::Server;
use axum_upstash::qstash::{BatchItem, EmailProvider, LlmProvider, Message};
use serde_json::json;

const DONE: &str = "https://app.example.com/done";

#[tokio::test]
async fn prompts_and_mails_go_to_their_provider_with_its_credentials() {
    let json = ("content-type", "application/json");
    for (message, target, headers) in [
        (
            Message::to_llm(&LlmProvider::openai("key"), DONE),
            "https://api.openai.com/v1/chat/completions",
            vec![json, ("upstash-callback", DONE), ("upstash-forward-authorization", "Bearer key")],
        ),
        (
            Message::to_llm(&LlmProvider::openai("key").with_organization("org"), DONE),
            "https://api.openai.com/v1/chat/completions",
            vec![("upstash-forward-openai-organization", "org")],
        ),
        (
            Message::to_llm(&LlmProvider::anthropic("key"), DONE),
            "https://api.anthropic.com/v1/messages",
            vec![json, ("upstash-forward-x-api-key", "key"), ("upstash-forward-anthropic-version", "2023-06-01")],
        ),
        (
            Message::to_llm(&LlmProvider::custom("https://llm.example.com", "key"), DONE),
            "https://llm.example.com/v1/chat/completions",
            vec![("upstash-forward-authorization", "Bearer key")],
        ),
        (
            Message::to_email(&EmailProvider::resend("key")),
            "https://api.resend.com/emails",
            vec![json, ("upstash-forward-authorization", "Bearer key")],
        ),
        (
            Message::to_email(&EmailProvider::resend_batch("key")),
            "https://api.resend.com/emails/batch",
            vec![json, ("upstash-forward-authorization", "Bearer key")],
        ),
    ] {
        let server = Server::accepting().await;
        server.client().publish(message.body("{}")).await.unwrap();
        let arrived = server.only();
        assert_eq!(arrived.line, format!("POST /v2/publish/{target}"));
        assert_eq!(arrived.header("authorization"), Some("Bearer the-token"));
        for (name, value) in headers {
            assert_eq!(arrived.header(name), Some(value), "{target} {name}");
        }
    }
}

#[tokio::test]
async fn any_spelling_of_a_base_address_works() {
    for base in [
        "https://llm.example.com",
        "https://llm.example.com/",
        "https://llm.example.com/v1",
        "https://llm.example.com/v1/",
        "https://llm.example.com/chat/completions",
        "https://llm.example.com/v1/chat/completions",
        "https://llm.example.com/v1/chat/completions/",
    ] {
        let server = Server::accepting().await;
        server.client().publish(Message::to_llm(&LlmProvider::custom(base, "key"), DONE)).await.unwrap();
        assert_eq!(server.only().line, "POST /v2/publish/https://llm.example.com/v1/chat/completions", "{base}");
    }
}

#[tokio::test]
async fn headers_of_the_message_win() {
    let server = Server::answering(200, json!([{"messageId": "msg_1"}])).await;
    let message = Message::to_llm(&LlmProvider::anthropic("key"), DONE)
        .header("X-API-Key", "mine")
        .header("Anthropic-Version", "2030-01-01")
        .header("Content-Type", "application/vnd.api+json");
    let mail = Message::to_email(&EmailProvider::resend("key")).header("Authorization", "Bearer mine");
    server.client().publish(message.clone()).await.unwrap_err();
    let arrived = &server.all()[0];
    assert_eq!(arrived.header("upstash-forward-x-api-key"), Some("mine"));
    assert_eq!(arrived.header("upstash-forward-anthropic-version"), Some("2030-01-01"));
    assert_eq!(arrived.header("content-type"), Some("application/vnd.api+json"));

    server.client().batch([BatchItem::from(mail)]).await.unwrap();
    let item = &server.all()[1].json()[0];
    assert_eq!(item["destination"], "https://api.resend.com/emails");
    assert_eq!(item["headers"]["upstash-forward-authorization"], "Bearer mine");
}

#[tokio::test]
async fn a_prompt_needs_a_callback_that_can_be_called() {
    let server = Server::accepting().await;
    let error = server.client().publish(Message::to_llm(&LlmProvider::openai("key"), "")).await.unwrap_err();
    assert!(error.to_string().contains("the callback must begin with https://"), "{error}");
    let error = server.client().publish(Message::to_llm(&LlmProvider::openai("k\ney"), DONE)).await.unwrap_err();
    assert!(error.to_string().contains("upstash-forward-authorization"), "{error}");
    assert_eq!(server.count(), 0);
}
