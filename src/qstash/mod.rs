//! QStash.

mod claims;
mod extract;
mod hs256;
mod metadata;
mod receiver;
#[cfg(test)]
mod receiver_tests;
mod rejection;
mod respond;
mod seconds;
mod signature_error;
#[cfg(any(test, feature = "testing"))]
mod signer;
#[cfg(test)]
mod vectors;

#[cfg(feature = "testing")]
pub use self::signer::Signer;
pub use self::{
    claims::{Claims, KeyUsed},
    extract::{QStash, VerifiedMessage},
    metadata::Metadata,
    receiver::Receiver,
    rejection::QStashRejection,
    respond::{NonRetryable, RetryIn},
    signature_error::SignatureError,
};
