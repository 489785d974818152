//! Values that are different in each run and at each place, and the same in every delivery.

use sha2::{Digest, Sha256};

/// So many bytes for the `number`th value of a run.
pub(super) fn bytes(run_id: &str, number: u64) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(b"axum-upstash workflow\0");
    hash.update(number.to_be_bytes());
    hash.update(run_id.as_bytes());
    hash.finalize().into()
}

/// A UUID of version 8 (RFC 9562, section 5.8) of such bytes.
pub(super) fn uuid(bytes: [u8; 32]) -> String {
    let mut id = [0_u8; 16];
    id.copy_from_slice(&bytes[..16]);
    id[6] = (id[6] & 0x0f) | 0x80;
    id[8] = (id[8] & 0x3f) | 0x80;
    let hex = crate::hex::hex(&id);
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_place_of_each_run_has_its_value() {
        let ids: Vec<String> =
            [("wfr_1", 0), ("wfr_1", 1), ("wfr_2", 0)].map(|(run, number)| uuid(bytes(run, number))).into();
        assert_eq!(ids[0], uuid(bytes("wfr_1", 0)));
        assert!(ids[0] != ids[1] && ids[0] != ids[2] && ids[1] != ids[2]);
        for id in ids {
            assert_eq!((id.len(), &id[14..15]), (36, "8"));
            assert!("89ab".contains(&id[19..20]), "{id}");
        }
    }
}
