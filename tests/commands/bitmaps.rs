use crate::support::{Form, Stage, form};
use axum_upstash::redis::{BitField, BitOffset, BitOp, BitRange, BitType, Overflow, Redis};

pub fn forms(redis: &Redis) -> Vec<Form> {
    let operations = BitField::new()
        .get(BitType::unsigned(8), 100)
        .overflow(Overflow::Saturate)
        .set(BitType::signed(5), BitOffset::Index(2), -1)
        .incrby(BitType::unsigned(63), 0, 10);
    vec![
        form(redis.bitcount("k"), "BITCOUNT k"),
        form(redis.bitcount_range("k", BitRange::Bytes(0, -1)), "BITCOUNT k 0 -1"),
        form(redis.bitcount_range("k", BitRange::Bits(5, 30)), "BITCOUNT k 5 30 BIT"),
        form(redis.bitop(BitOp::AndOr, "to", ["a", "b"]), "BITOP ANDOR to a b"),
        form(redis.bitop(BitOp::Not, "to", "a"), "BITOP NOT to a"),
        form(redis.bitpos("k", true), "BITPOS k 1"),
        form(redis.bitpos_range("k", false, BitRange::Bytes(1, 2)), "BITPOS k 0 1 2"),
        form(redis.getbit("k", 7), "GETBIT k 7"),
        form(redis.setbit("k", 7, true), "SETBIT k 7 1"),
        form(redis.bitfield("k", operations), "BITFIELD k GET u8 100 OVERFLOW SAT SET i5 #2 -1 INCRBY u63 0 10"),
        form(redis.bitfield_ro("k", BitField::new().get(BitType::signed(64), 0)), "BITFIELD_RO k GET i64 0"),
    ]
}

pub async fn run(stage: &Stage) {
    let redis = &stage.redis;
    let (a, b, to) = (stage.key("bits"), stage.key("bits"), stage.key("bits"));
    assert!(!redis.setbit(&a, 7, true).await.unwrap());
    assert!(redis.getbit(&a, 7).await.unwrap());
    redis.set(&a, b"\x0f\xff").await.unwrap();
    redis.set(&b, b"\xff\x00").await.unwrap();
    assert_eq!(redis.bitcount(&a).await.unwrap(), 12);
    assert_eq!(redis.bitcount_range(&a, BitRange::Bytes(0, 0)).await.unwrap(), 4);
    assert_eq!(redis.bitcount_range(&a, BitRange::Bits(0, 5)).await.unwrap(), 2);
    assert_eq!(redis.bitpos(&a, true).await.unwrap(), 4);
    assert_eq!(redis.bitpos_range(&b, true, BitRange::Bytes(1, 1)).await.unwrap(), -1);
    assert_eq!(redis.bitop(BitOp::And, &to, [&a, &b]).await.unwrap(), 2);
    assert_eq!(redis.get::<Vec<u8>>(&to).await.unwrap(), b"\x0f\x00");
    if redis.bitop(BitOp::Diff1, &to, [&a, &b]).await.is_ok() {
        assert_eq!(redis.get::<Vec<u8>>(&to).await.unwrap(), b"\xf0\x00");
        redis.bitop(BitOp::One, &to, [&a, &b]).await.unwrap();
        assert_eq!(redis.get::<Vec<u8>>(&to).await.unwrap(), b"\xf0\xff");
    }
    let byte = BitType::unsigned(8);
    let operations = BitField::new()
        .set(byte, BitOffset::Index(0), 255)
        .overflow(Overflow::Fail)
        .incrby(byte, BitOffset::Index(0), 1)
        .get(byte, 0);
    assert_eq!(redis.bitfield(&to, operations).await.unwrap()[1..], [None, Some(255)]);
    assert_eq!(redis.bitfield_ro(&to, BitField::new().get(byte, 0)).await.unwrap(), [Some(255)]);
}
