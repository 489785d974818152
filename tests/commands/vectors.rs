use crate::support::{Form, Stage, form};
use axum_upstash::{
    ErrorKind,
    redis::{Redis, VectorMetric, VectorProfile},
};

pub fn forms(redis: &Redis) -> Vec<Form> {
    vec![
        form(redis.vector_create("v", 3, VectorMetric::Cosine), "VECTOR.CREATE v DIM 3 METRIC COSINE"),
        form(redis.vector_create_if_absent("v", 3, VectorMetric::Dot), "VECTOR.CREATE v DIM 3 METRIC DOT EXISTSOK"),
        // 1.0 is 0000803f, -2.5 is 000020c0, little end first.
        form(redis.vector_add("v", "id", &[1.0, -2.5]), "VECTOR.ADD v id BASE64-FP32 AACAPwAAIMA="),
        form(redis.vector_query("v", 10, &[1.0]), "VECTOR.QUERY v TOPK 10 BASE64-FP32 AACAPw=="),
        form(
            redis.vector_query_with("v", 10, VectorProfile::Precise, &[1.0]),
            "VECTOR.QUERY v TOPK 10 PROFILE PRECISE BASE64-FP32 AACAPw==",
        ),
        form(redis.vector_get("v", "id"), "VECTOR.GET v id"),
        form(redis.vector_del("v", "id"), "VECTOR.DEL v id"),
        form(redis.vector_count("v"), "VECTOR.COUNT v"),
        form(redis.vector_info("v"), "VECTOR.INFO v"),
        form(redis.vector_drop("v"), "VECTOR.DROP v"),
    ]
}

/// No server that can be had here knows them; the shapes of the replies are tested beside their types.
pub async fn run(stage: &Stage) {
    assert_eq!(stage.redis.vector_count("none").await.unwrap_err().kind(), ErrorKind::Refused);
}
