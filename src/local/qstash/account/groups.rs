use std::sync::Arc;

use http::HeaderMap;

use super::Account;
use crate::local::qstash::{
    ids,
    message::Options,
    records::{Endpoint, Group, Record},
    refusal::Refusal,
    text::{check_destination, check_name},
};

impl Account {
    /// The URL group of that name or id.
    pub(crate) fn group(&self, name: &str) -> Option<&Arc<Group>> {
        self.groups.get(name).or_else(|| self.groups.values().find(|group| group.id == name))
    }

    pub(crate) fn groups(&self) -> impl Iterator<Item = &Group> {
        self.groups.values().map(Arc::as_ref)
    }

    /// Adds endpoints, or changes those of the same name or URL. The group is made if there is none.
    pub(crate) fn add_endpoints(&mut self, now_ms: u64, name: &str, added: Vec<Endpoint>) -> Result<(), Refusal> {
        check_name(name).map_err(|_| Refusal::invalid("invalid url group name"))?;
        if added.is_empty() {
            return Err(Refusal::invalid("endpoints should not be empty"));
        }
        // First: each is compared with the others.
        if added.len() > self.limits.max_endpoints {
            return Err(self.too_many_endpoints());
        }
        for endpoint in &added {
            let invalid = |error| Refusal::invalid(format!("invalid endpoint url: {error}"));
            check_destination(&endpoint.url).map_err(invalid)?;
        }
        let mut group = match self.group(name) {
            Some(group) => Group::clone(group),
            None if self.groups.len() >= self.limits.max_url_groups => {
                let limit = self.limits.max_url_groups;
                return Err(Refusal::over_quota(format!("quota maxTopics exceeded, current limit: {limit}")));
            }
            None => Group {
                name: name.to_owned(),
                id: ids::group_id(),
                endpoints: Vec::new(),
                defaults: HeaderMap::new(),
                created_ms: now_ms,
                updated_ms: now_ms,
            },
        };
        for endpoint in added {
            // By the name, otherwise by the URL.
            let named = endpoint
                .name
                .as_ref()
                .and_then(|name| group.endpoints.iter().position(|other| other.name.as_ref() == Some(name)));
            let same = named.or_else(|| {
                let is_same =
                    |other: &Endpoint| other.url == endpoint.url && (endpoint.name.is_none() || other.name.is_none());
                group.endpoints.iter().position(is_same)
            });
            match same.and_then(|at| group.endpoints.get_mut(at)) {
                Some(same) => *same = Endpoint { name: endpoint.name.or(same.name.take()), url: endpoint.url },
                None => group.endpoints.push(endpoint),
            }
        }
        if group.endpoints.len() > self.limits.max_endpoints {
            return Err(self.too_many_endpoints());
        }
        group.updated_ms = now_ms;
        self.commit(now_ms, Record::Group(Arc::new(group)));
        Ok(())
    }

    fn too_many_endpoints(&self) -> Refusal {
        let limit = self.limits.max_endpoints;
        Refusal::over_quota(format!("quota maxEndpointsPerTopic exceeded, current limit: {limit}"))
    }

    /// Removes the endpoints of these names or URLs. A group without endpoints is gone.
    pub(crate) fn remove_endpoints(
        &mut self,
        now_ms: u64,
        name: &str,
        removed: &[(Option<String>, Option<String>)],
    ) -> Result<(), Refusal> {
        let mut group = Group::clone(self.group(name).ok_or_else(|| no_group(name))?);
        group.endpoints.retain(|endpoint| {
            !removed.iter().any(|(name, url)| {
                (name.is_some() || url.is_some())
                    && name.as_ref().is_none_or(|name| endpoint.name.as_ref() == Some(name))
                    && url.as_ref().is_none_or(|url| endpoint.url == *url)
            })
        });
        group.updated_ms = now_ms;
        let record =
            if group.endpoints.is_empty() { Record::GroupGone(group.name) } else { Record::Group(Arc::new(group)) };
        self.commit(now_ms, record);
        Ok(())
    }

    /// Sets the options of messages that set none.
    pub(crate) fn set_group_defaults(&mut self, now_ms: u64, name: &str, defaults: HeaderMap) -> Result<(), Refusal> {
        Options::read(&defaults)?;
        let mut group = Group::clone(self.group(name).ok_or_else(|| no_group(name))?);
        (group.defaults, group.updated_ms) = (defaults, now_ms);
        self.commit(now_ms, Record::Group(Arc::new(group)));
        Ok(())
    }

    /// Removes a group. Messages to it go on.
    pub(crate) fn remove_group(&mut self, now_ms: u64, name: &str) {
        if let Some(name) = self.group(name).map(|group| group.name.clone()) {
            self.commit(now_ms, Record::GroupGone(name));
        }
    }
}

fn no_group(name: &str) -> Refusal {
    Refusal::not_found(format!("url group {name} not found"))
}
