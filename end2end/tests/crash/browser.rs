//! As much of a browser as forms need: cookies, hidden fields, where a page sends one next.

use std::collections::BTreeMap;

use reqwest::{Method, StatusCode, header};
use serde_json::Value;

use crate::server::{Lost, Server};

#[derive(Debug)]
pub struct Page {
    pub status: StatusCode,
    /// Where a redirect leads, without the server's own address.
    pub location: Option<String>,
    pub body: String,
}

pub type Fields = Vec<(String, String)>;

/// Keeps its cookies when the server is started again.
#[derive(Default)]
pub struct Browser {
    cookies: BTreeMap<String, String>,
}

impl Browser {
    pub async fn get(&mut self, server: &Server, path: &str) -> Result<Page, Lost> {
        self.ask(server, Method::GET, path, None).await
    }

    pub async fn post(
        &mut self,
        server: &Server,
        path: &str,
        fields: &Fields,
    ) -> Result<Page, Lost> {
        self.ask(server, Method::POST, path, Some(fields)).await
    }

    async fn ask(
        &mut self,
        server: &Server,
        method: Method,
        path: &str,
        fields: Option<&Fields>,
    ) -> Result<Page, Lost> {
        let base = server.base();
        let mut request = server.client.request(method, format!("{base}{path}"));
        let cookies = self.cookies.iter().map(|(name, value)| format!("{name}={value}"));
        request = request.header(header::COOKIE, cookies.collect::<Vec<_>>().join("; "));
        if let Some(fields) = fields {
            request = request.header(header::ORIGIN, base).form(fields);
        }
        let answer = request.send().await.map_err(|_| Lost)?;
        for cookie in answer.headers().get_all(header::SET_COOKIE) {
            let cookie = cookie.to_str().unwrap_or_default();
            let pair = cookie.split(';').next().unwrap_or_default();
            if let Some((name, value)) = pair.split_once('=') {
                self.cookies.insert(name.trim().to_owned(), value.to_owned());
            }
        }
        let location = answer.headers().get(header::LOCATION);
        let location = location.and_then(|to| to.to_str().ok());
        let location = location.map(|to| to.strip_prefix(base).unwrap_or(to).to_owned());
        let status = answer.status();
        let body = answer.text().await.map_err(|_| Lost)?;
        Ok(Page { status, location, body })
    }
}

impl Page {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }

    /// The hidden fields of the form that is sent to `action`, and its boxes as they are ticked.
    pub fn form(&self, action: &str) -> Fields {
        let marked = format!("action=\"{action}\"");
        let start = self.body.find(&marked);
        let start = start.unwrap_or_else(|| panic!("no form to {action} in {}", self.body));
        let form = &self.body[start..];
        let form = &form[..form.find("</form>").unwrap_or(form.len())];
        let inputs = form.split("<input").skip(1).map(|rest| &rest[..rest.find('>').unwrap_or(0)]);
        inputs
            .filter(|tag| match attribute(tag, "type").as_deref() {
                Some("hidden") => true,
                Some("checkbox") => tag.contains("checked"),
                _ => false,
            })
            .filter_map(|tag| {
                Some((attribute(tag, "name")?, attribute(tag, "value").unwrap_or_default()))
            })
            .collect()
    }
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let start = tag.find(&format!(" {name}=\""))? + name.len() + 3;
    let value = &tag[start..start + tag[start..].find('"')?];
    let plain = value.replace("&quot;", "\"").replace("&#x27;", "'").replace("&#39;", "'");
    Some(plain.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))
}

pub fn with(mut fields: Fields, more: &[(&str, &str)]) -> Fields {
    fields.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    fields
}
