//! QStash's settings: a development server, the region of an application that uses two, or one address and one pair of keys.

use super::UpstashBuilder;
use crate::{
    Error, ErrorKind,
    env::{self, Variable},
    problems::Problems,
    qstash::{QStashClient, QStashClientBuilder, Receiver, Region, dev},
};

/// The variables of a region, or those without a region.
struct Variables {
    url: Variable,
    token: Variable,
    current_key: Variable,
    next_key: Variable,
}

const DEFAULT: Variables = Variables {
    url: env::QSTASH_URL,
    token: env::QSTASH_TOKEN,
    current_key: env::QSTASH_CURRENT_SIGNING_KEY,
    next_key: env::QSTASH_NEXT_SIGNING_KEY,
};

fn of_region(region: Region) -> Variables {
    match region {
        Region::EuCentral1 => Variables {
            url: env::EU_CENTRAL_1_QSTASH_URL,
            token: env::EU_CENTRAL_1_QSTASH_TOKEN,
            current_key: env::EU_CENTRAL_1_QSTASH_CURRENT_SIGNING_KEY,
            next_key: env::EU_CENTRAL_1_QSTASH_NEXT_SIGNING_KEY,
        },
        Region::UsEast1 => Variables {
            url: env::US_EAST_1_QSTASH_URL,
            token: env::US_EAST_1_QSTASH_TOKEN,
            current_key: env::US_EAST_1_QSTASH_CURRENT_SIGNING_KEY,
            next_key: env::US_EAST_1_QSTASH_NEXT_SIGNING_KEY,
        },
    }
}

impl UpstashBuilder {
    /// The client, the variable of its address, and the receiver.
    pub(super) fn build_qstash(&self, problems: &mut Problems) -> (QStashClient, &'static str, Receiver) {
        let port = self.dev_port(problems);
        let region = self.region(problems);
        let (client, name) = match port {
            Some(port) => (self.dev_client(port, problems), env::QSTASH_DEV.name),
            None => self.client_of(region, problems),
        };
        let receiver = match port {
            Some(_) => Receiver::dev_server().unwrap_or_else(Receiver::not_configured),
            None => self.receiver_of(region, problems),
        };
        let receiver = match &self.public_url {
            Some(url) => problems.note(receiver.try_with_public_url(url)).unwrap_or_else(|| self.no_receiver()),
            None => receiver,
        };
        (client, name, receiver)
    }

    /// The port of the development server, if it is to be used.
    fn dev_port(&self, problems: &mut Problems) -> Option<u16> {
        match self.value(env::QSTASH_DEV) {
            Some("true" | "1") => {}
            None | Some("" | "false" | "0") => return None,
            Some(_) => {
                problems.add(format!("{} must be true, 1, false or 0", env::QSTASH_DEV.name));
                return None;
            }
        }
        let port = self.value(env::QSTASH_DEV_PORT).map(|port| port.parse().ok().filter(|port| *port != 0));
        match port {
            None => Some(dev::DEFAULT_PORT),
            Some(Some(port)) => Some(port),
            Some(None) => {
                problems.add(format!("{} is not the number of a port", env::QSTASH_DEV_PORT.name));
                None
            }
        }
    }

    fn region(&self, problems: &mut Problems) -> Option<Region> {
        let region = self.value(env::QSTASH_REGION)?.parse().ok();
        if region.is_none() {
            problems.add(format!("{} must be US_EAST_1 or EU_CENTRAL_1", env::QSTASH_REGION.name));
        }
        region
    }

    fn dev_client(&self, port: u16, problems: &mut Problems) -> QStashClient {
        tracing::warn!("{} is set: webhooks are verified with public keys", env::QSTASH_DEV.name);
        for variable in [DEFAULT.url, DEFAULT.token, DEFAULT.current_key, DEFAULT.next_key, env::QSTASH_REGION] {
            if self.value(variable).is_some() {
                tracing::warn!("{} is set, and is not used because {} is", variable.name, env::QSTASH_DEV.name);
            }
        }
        let names = (env::QSTASH_DEV.name, env::QSTASH_DEV.name);
        self.finished(QStashClient::dev_server_builder(port), names, problems)
    }

    /// The order of the official SDKs: address and token of the application's own, those of the region, the others.
    fn client_of(&self, region: Option<Region>, problems: &mut Problems) -> (QStashClient, &'static str) {
        let is_explicit = self.has_set(DEFAULT.url) && self.has_set(DEFAULT.token);
        if let Some(region) = region.filter(|_| !is_explicit) {
            let Variables { url, token, .. } = of_region(region);
            match (self.value(url), self.value(token)) {
                (None, None) => tracing::warn!(
                    "{} and {} are not set, although {} is: {} is used",
                    url.name,
                    token.name,
                    env::QSTASH_REGION.name,
                    DEFAULT.token.name
                ),
                _ => {
                    if self.has_set(DEFAULT.token) {
                        tracing::warn!(
                            "{} of the application is not used, because {} is set and its address is not: that of the region is",
                            DEFAULT.token.name,
                            env::QSTASH_REGION.name
                        );
                    }
                    let client = self.pair(url, token, problems).map(|(address, secret)| {
                        let builder = QStashClient::builder(secret).url(address);
                        self.finished(builder, (url.name, token.name), problems)
                    });
                    return (client.unwrap_or_else(|| self.no_client()), url.name);
                }
            }
        }
        let Some(token) = self.value(DEFAULT.token) else { return (self.no_client(), DEFAULT.url.name) };
        let mut builder = QStashClient::builder(token);
        if let Some(url) = self.value(DEFAULT.url) {
            builder = builder.url(url);
        }
        (self.finished(builder, (DEFAULT.url.name, DEFAULT.token.name), problems), DEFAULT.url.name)
    }

    /// The keys of the application's own; those of the region that a delivery names; the others.
    fn receiver_of(&self, region: Option<Region>, problems: &mut Problems) -> Receiver {
        let mut receiver = self
            .pair(DEFAULT.current_key, DEFAULT.next_key, problems)
            .and_then(|(current, next)| {
                Receiver::named((DEFAULT.current_key.name, current), (DEFAULT.next_key.name, next), problems)
            })
            .unwrap_or_else(|| self.no_receiver());
        let is_explicit = self.has_set(DEFAULT.current_key) && self.has_set(DEFAULT.next_key);
        if region.is_none() || is_explicit {
            return receiver;
        }
        for region in Region::ALL {
            let Variables { current_key, next_key, .. } = of_region(region);
            if let Some((current, next)) = self.pair(current_key, next_key, problems) {
                let (current, next) = ((current_key.name, current), (next_key.name, next));
                if let Some(more) = receiver.clone().with_region_named(region, current, next, problems) {
                    receiver = more;
                }
            }
        }
        receiver
    }

    fn finished(
        &self,
        builder: QStashClientBuilder,
        (url, token): (&'static str, &'static str),
        problems: &mut Problems,
    ) -> QStashClient {
        let client = builder.names(url, token).rest(self.rest.clone()).build_into(problems);
        client.unwrap_or_else(|| self.no_client())
    }

    fn no_client(&self) -> QStashClient {
        QStashClient::not_configured(self.not_set(DEFAULT.token))
    }

    fn no_receiver(&self) -> Receiver {
        let message = format!("{} and {}", self.not_set(DEFAULT.current_key), self.not_set(DEFAULT.next_key));
        Receiver::not_configured(Error::new(ErrorKind::Configuration, message))
    }

    /// Whether the application set it itself, instead of the environment.
    fn has_set(&self, variable: Variable) -> bool {
        self.explicit.contains(variable.name)
    }
}
