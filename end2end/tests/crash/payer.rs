//! Somebody who taps the link in a text and pays, with the script or without it.

use serde_json::Value;

use crate::{
    browser::{Browser, Fields, with},
    office::Person,
    server::{Lost, Server},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// The card is typed beside the amount.
    Card,
    /// Without JavaScript, on the processor's page.
    Page,
}

/// What Submit Payment led to.
enum Next {
    Confirm { intent: String, secret: String, back: String },
    Processor(String),
}

pub struct Payer {
    pub id: String,
    link: String,
    browser: Browser,
    form: Fields,
    next: Option<Next>,
}

impl Payer {
    pub fn new(person: &Person, link: &str) -> Self {
        let id = person.id.clone();
        let (browser, form) = (Browser::default(), Fields::new());
        Self { id, link: link.to_owned(), browser, form, next: None }
    }

    /// Taps the link, now or once more.
    pub async fn open(&mut self, server: &Server) {
        let (_, token) = self.link.split_once("/p/").expect("a pay link");
        let tapped = self.browser.get(server, &format!("/p/{token}")).await.expect("alive");
        assert_eq!(tapped.location.as_deref(), Some("/pay"), "{tapped:?}");
        let page = self.browser.get(server, "/pay").await.expect("alive");
        if let Some(elsewhere) = &page.location {
            panic!("{}: /pay leads to {elsewhere} instead of showing the bill", self.id);
        }
        self.form = with(page.form("/pay"), &[("choice", "full")]);
    }

    /// Submit Payment.
    pub async fn submit(&mut self, server: &Server, way: Way) -> Result<(), Lost> {
        self.next = Some(match way {
            Way::Card => {
                let mut answer = self.ask_for_intent(server).await?;
                // What was begun before is over; the page has the form of the next attempt now.
                if let Some(next) = answer["attempt"].as_str().map(str::to_owned) {
                    self.form.iter_mut().filter(|(name, _)| name == "attempt").for_each(|field| {
                        field.1.clone_from(&next);
                    });
                    answer = self.ask_for_intent(server).await?;
                }
                let text = |name: &str| answer[name].as_str().map(str::to_owned);
                let secret = text("client_secret");
                let secret = secret.unwrap_or_else(|| panic!("{}: {answer}", self.id));
                let intent = secret.split("_secret_").next().unwrap_or_default().to_owned();
                let back = text("return_url").expect("where to come back");
                Next::Confirm { intent, secret, back }
            }
            Way::Page => {
                let answer = self.browser.post(server, "/pay", &self.form).await?;
                let page = answer.location.clone().filter(|to| to.starts_with("http"));
                Next::Processor(page.unwrap_or_else(|| panic!("{}: {answer:?}", self.id)))
            }
        });
        Ok(())
    }

    async fn ask_for_intent(&mut self, server: &Server) -> Result<Value, Lost> {
        let fields = with(self.form.clone(), &[("via", "card")]);
        Ok(self.browser.post(server, "/pay/intent", &fields).await?.json())
    }

    /// Types a card where the processor asks for it, and confirms. A decline is an answer too.
    pub async fn type_card(&mut self, server: &Server, number: &str) -> Result<(), Lost> {
        let stripe = &server.facts["stripe"];
        let request = match self.next.as_ref().expect("submitted") {
            Next::Confirm { intent, secret, .. } => {
                let base = stripe["base"].as_str().unwrap();
                let key = stripe["publishable_key"].as_str().unwrap();
                let url = format!("{base}/v1/payment_intents/{intent}/confirm");
                server.client.post(url).bearer_auth(key).form(&[
                    ("client_secret", secret.as_str()),
                    ("payment_method_data[type]", "card"),
                    ("payment_method_data[card][number]", number),
                    ("payment_method_data[card][exp_month]", "12"),
                    ("payment_method_data[card][exp_year]", "2040"),
                    ("payment_method_data[card][cvc]", "123"),
                ])
            }
            Next::Processor(page) => server.client.post(page).form(&[
                ("number", number),
                ("expiry", "12 / 40"),
                ("cvc", "123"),
                ("zip", "02139"),
            ]),
        };
        let answer = request.send().await.map_err(|_| Lost)?;
        let to = answer.headers().get("location").and_then(|to| to.to_str().ok());
        if let (Some(to), Some(Next::Processor(page))) = (to, &mut self.next) {
            *page = to.to_owned();
        }
        let said: Value =
            serde_json::from_str(&answer.text().await.map_err(|_| Lost)?).unwrap_or_default();
        let kind = said["error"]["type"].as_str().unwrap_or("card_error").to_owned();
        assert_eq!(kind, "card_error", "{}: {said}", self.id);
        Ok(())
    }

    /// The processor sends the browser back.
    pub async fn come_back(&mut self, server: &Server) -> Result<(), Lost> {
        let back = match self.next.as_ref().expect("submitted") {
            Next::Confirm { back, .. } => back,
            Next::Processor(back) => back,
        };
        let path = back.find("/pay/return").map(|at| &back[at..]).unwrap_or("/pay");
        let page = self.browser.get(server, path).await?;
        assert!(page.status.is_redirection(), "{}: {page:?}", self.id);
        Ok(())
    }
}
