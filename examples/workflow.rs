//! An order as a workflow: it reserves, charges by a call that QStash makes, waits for an event, sends mails side by side,
//! and undoes what it did if the customer changes his mind.
//!
//! ```text
//! cargo run -p axum-upstash-examples --features workflow --bin workflow
//! ```
//!
//! It runs in this process, with the local QStash and without an account. Each line is a step as it is executed: none is
//! executed twice, though QStash calls the function again for each.

use std::{error::Error, time::Duration};

use axum::{Json, Router, extract::State, http::StatusCode, routing::post};
use axum_upstash::{
    Upstash, UpstashBuilder,
    local::LocalQStash,
    workflow::{
        CallRequest, EventOutcome, Saga, Trigger, WorkflowClient, WorkflowContext, WorkflowError, WorkflowFailure,
        serve,
    },
};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Order {
    sku: u32,
    /// The URL of the bank.
    bank: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct Charge {
    id: u32,
}

async fn reserve(sku: u32) -> Result<String, WorkflowError> {
    println!("  reserve item {sku}");
    Ok(format!("reservation of item {sku}"))
}

async fn release(reservation: String) -> Result<(), WorkflowError> {
    println!("  release the {reservation}");
    Ok(())
}

async fn refund(charge: u32) -> Result<(), WorkflowError> {
    println!("  refund charge {charge}");
    Ok(())
}

async fn mail(to: &str) -> Result<String, WorkflowError> {
    println!("  mail to {to}");
    Ok(format!("mail to {to}"))
}

async fn order(ctx: WorkflowContext<Order>) -> Result<Vec<String>, WorkflowError> {
    let Order { sku, bank } = ctx.payload().clone();
    let mut saga = Saga::new();

    let reservation = ctx.run("reserve", reserve(sku)).await;
    saga.push(ctx.run("release", release(reservation)));

    let charged = ctx.call("charge", CallRequest::post(bank).json(&sku)).await;
    let Charge { id } = charged.json().map_err(|error| WorkflowError::non_retryable(error.to_string()))?;
    saga.push(ctx.run("refund", refund(id)));

    // No process waits: this one could be gone for an hour.
    let event = format!("confirmed-{}", ctx.run_id());
    if let EventOutcome::TimedOut = ctx.wait_for_event::<bool>("confirm", event, Duration::from_secs(3600)).await {
        saga.compensate().await;
        return Err(WorkflowError::non_retryable("the order was not confirmed in time"));
    }
    let (customer, store) =
        tokio::join!(ctx.run("mail the customer", mail("customer")), ctx.run("mail the store", mail("store")));
    Ok(vec![customer, store])
}

async fn failed(failure: WorkflowFailure<Order>) -> Result<Option<String>, Box<dyn Error + Send + Sync>> {
    println!("  run of item {} failed: {}", failure.payload.sku, failure.message);
    Ok(None)
}

/// A bank, which QStash calls.
async fn bank(Json(sku): Json<u32>) -> Json<Charge> {
    println!("  the bank charges for item {sku}");
    Json(Charge { id: sku * 10 })
}

/// The customer confirms.
async fn confirm(State(workflows): State<WorkflowClient>, run_id: String) -> Result<(), StatusCode> {
    let told = workflows.notify(&format!("confirmed-{run_id}"), &true).await;
    told.map(drop).map_err(|_| StatusCode::BAD_GATEWAY)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let local = LocalQStash::start().await?;
    let environment = local.environment();
    let variable = |name: &str| environment.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone());
    // In production: Upstash::from_env()?
    let upstash: Upstash = UpstashBuilder::from_env_with(variable).or_memory().build()?;

    let app = Router::new()
        .route("/workflows/order", post(serve(order).on_failure(failed)))
        .route("/confirm", post(confirm))
        .route("/bank", post(bank))
        .with_state(upstash.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let origin = format!("http://{}", listener.local_addr()?);
    tokio::spawn(async move { axum::serve(listener, app).await });

    let workflows = upstash.workflow();
    for (sku, is_confirmed) in [(9, true), (13, false)] {
        println!("order of item {sku}");
        let order = Order { sku, bank: format!("{origin}/bank") };
        let run = workflows.trigger(Trigger::new(format!("{origin}/workflows/order")).json(&order)).await?;
        local.idle().await;
        if is_confirmed {
            println!("  the customer confirms");
            workflows.notify(&format!("confirmed-{}", run.run_id), &true).await?;
        } else {
            println!("  an hour passes");
            local.advance(Duration::from_secs(3601));
        }
        let result = workflows.wait_for_result::<Vec<String>>(&run.run_id, Duration::from_secs(10)).await;
        local.idle().await;
        match result {
            Ok(mails) => println!("  done: {}", mails.join(", ")),
            Err(error) => println!("  {error}"),
        }
    }
    Ok(())
}
