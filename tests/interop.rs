//! The official JavaScript SDKs against the local Upstash, and side by side with the clients of this crate.
//!
//! They need Node.js and the packages of `interop/`, so they run only when asked for:
//!
//! ```text
//! npm ci --prefix interop
//! cargo test --features full --test interop
//! ```

#[path = "interop/kafka.rs"]
mod kafka;
#[path = "interop/node.rs"]
mod node;
#[path = "interop/qstash.rs"]
mod qstash;
#[path = "interop/ratelimit.rs"]
mod ratelimit;
#[path = "interop/ratelimit_shared.rs"]
mod ratelimit_shared;
#[path = "interop/redis.rs"]
mod redis;
#[path = "shared/times.rs"]
#[allow(dead_code, unreachable_pub)]
mod times;
#[path = "interop/vector.rs"]
mod vector;
#[path = "interop/workflow.rs"]
mod workflow;
#[path = "interop/workflow_deliveries.rs"]
mod workflow_deliveries;
#[path = "interop/workflow_flows.rs"]
mod workflow_flows;
#[path = "interop/workflow_routes.rs"]
mod workflow_routes;
