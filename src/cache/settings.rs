use super::{codec::Codec, event::CacheEvent, lives::Lives};
use crate::{Clock, background::Background, rt::random_u64};
use std::{fmt, sync::Arc, time::Duration};

type Observer = Arc<dyn Fn(&str, CacheEvent) + Send + Sync>;
type TtlOf<V> = Arc<dyn Fn(&V) -> Option<Duration> + Send + Sync>;

/// The settings of a namespace.
pub(super) struct Settings<V> {
    pub(super) namespace: Arc<str>,
    pub(super) codec: Option<Arc<dyn Codec<V>>>,
    pub(super) version: u32,
    /// The length of the longest value that is not compressed, in bytes.
    pub(super) compression_above: usize,
    pub(super) ttl: Duration,
    pub(super) ttl_of: Option<TtlOf<V>>,
    /// The part by which a life is shorter at the most.
    pub(super) jitter: f64,
    pub(super) stale_while_revalidate: Duration,
    pub(super) stale_if_error: Duration,
    /// The pause after a failure in which stale values are served without another try.
    pub(super) error_pause: Duration,
    /// The part of the fresh life after which a value is refreshed ahead of its end.
    pub(super) eager: Option<f64>,
    pub(super) soft_timeout: Option<Duration>,
    pub(super) hard_timeout: Duration,
    pub(super) memory_ttl: Duration,
    /// How long memory holds a value while changes of others are heard. Without it none are.
    pub(super) channel_ttl: Option<Duration>,
    pub(super) max_life: Duration,
    pub(super) store_timeout: Duration,
    pub(super) lease: Duration,
    pub(super) clock: Clock,
    pub(super) background: Background,
    pub(super) observer: Option<Observer>,
}

impl<V> Settings<V> {
    pub(super) fn new(namespace: &str) -> Self {
        Self {
            namespace: namespace.into(),
            codec: None,
            version: 0,
            compression_above: 1024,
            ttl: Duration::from_secs(60),
            ttl_of: None,
            jitter: 0.1,
            stale_while_revalidate: Duration::ZERO,
            stale_if_error: Duration::ZERO,
            error_pause: Duration::from_secs(1),
            eager: None,
            soft_timeout: None,
            hard_timeout: Duration::from_secs(30),
            memory_ttl: Duration::from_secs(1),
            channel_ttl: None,
            max_life: Duration::from_secs(30 * 24 * 3600),
            store_timeout: Duration::from_secs(1),
            lease: Duration::from_secs(5),
            clock: Clock::system(),
            background: Background::new(),
            observer: None,
        }
    }

    /// The lives of a value: each entry has an end.
    #[allow(clippy::cast_precision_loss, reason = "a random part")]
    pub(super) fn lives(&self, own: Option<Duration>, value: &V) -> Lives {
        let of_value = || self.ttl_of.as_ref().and_then(|ttl_of| ttl_of(value));
        let ttl = own.or_else(of_value).unwrap_or(self.ttl).min(self.max_life);
        let random = (random_u64() >> 11) as f64 / (1_u64 << 53) as f64;
        let fresh = ttl.mul_f64(1.0 - self.jitter * random);
        let with = |life: Duration| fresh.saturating_add(life).min(self.max_life);
        Lives { fresh, stale: with(self.stale_while_revalidate), on_error: with(self.stale_if_error) }
    }

    pub(super) fn observe(&self, event: CacheEvent) {
        if let Some(observer) = &self.observer {
            observer(&self.namespace, event);
        }
    }
}

impl<V> Clone for Settings<V> {
    fn clone(&self) -> Self {
        Self {
            namespace: Arc::clone(&self.namespace),
            codec: self.codec.clone(),
            ttl_of: self.ttl_of.clone(),
            clock: self.clock.clone(),
            background: self.background.clone(),
            observer: self.observer.clone(),
            ..*self
        }
    }
}

impl<V> fmt::Debug for Settings<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("namespace", &self.namespace)
            .field("ttl", &self.ttl)
            .field("stale_while_revalidate", &self.stale_while_revalidate)
            .field("stale_if_error", &self.stale_if_error)
            .finish_non_exhaustive()
    }
}
