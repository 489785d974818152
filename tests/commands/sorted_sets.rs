use crate::support::{Form, Stage};
use axum_upstash::redis::Redis;

pub fn forms(_redis: &Redis) -> Vec<Form> {
    vec![]
}

pub async fn run(_stage: &Stage) {}
