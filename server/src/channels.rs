//! The engine's ways out: each practice's own texting, calling and fax accounts and mail server, made
//! from its sealed settings and kept until they change.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use connect::channel::{
    Accepted, CallMessage, ChannelError, EmailMessage, FaxMessage, RefusalCause, TextMessage,
    email::{Dkim, DkimAlgorithm},
    interfax::{FaxReport, Interfax, InterfaxOptions},
    smtp::{Smtp, SmtpOptions, SmtpTls},
    twilio::{CallPlan, Sender, Twilio, TwilioOptions},
};
use domain::{
    clock::{DAY_MS, UnixMs, World},
    decide::Class,
    gate::SendPermit,
    id::PracticeId,
    practice::Practice,
};
use engine::{Channels, DeliveryReport, Found};
use futures_util::future::BoxFuture;
use store::{
    Store,
    sender::{FaxAccount, MailServer, TextAccount},
};

use crate::clock::real_now;

/// A look-up reads back this far: further than any server stays down between a send and its look.
const LOOK_BACK_MS: i64 = 30 * DAY_MS;
const HELLO_NAME: &str = "clearbill";

/// By practice and whether it is the sender of codes: the settings it was made from, its number, and
/// the way out.
type TextWays = HashMap<(PracticeId, bool), (TextAccount, String, Twilio)>;

pub struct PracticeChannels {
    store: Store,
    world: World,
    timeout_ms: u64,
    texts: Mutex<TextWays>,
    mail: Mutex<HashMap<PracticeId, (MailServer, Smtp)>>,
    faxes: Mutex<HashMap<PracticeId, (FaxAccount, Interfax)>>,
}

impl PracticeChannels {
    pub fn new(store: Store, world: World, timeout_ms: u64) -> Self {
        Self {
            store,
            world,
            timeout_ms,
            texts: Mutex::default(),
            mail: Mutex::default(),
            faxes: Mutex::default(),
        }
    }

    async fn texts(&self, practice: &Practice, class: Class) -> Result<Twilio, ChannelError> {
        let fault = || ChannelError::refused(RefusalCause::SenderFault);
        let account = {
            let mut db = self.store.read().await.map_err(|_| busy())?;
            store::sender::load_texts(&mut db, &practice.id).await.map_err(|_| fault())?
        };
        let account = account.ok_or_else(fault)?;
        let settings = &practice.settings;
        // Codes go from a number of their own, which a STOP to the other does not block (D-34).
        let code_number = settings.code_number.as_ref().filter(|_| class == Class::Code);
        let is_code = code_number.is_some();
        let number = code_number.or(settings.text_number.as_ref()).cloned().unwrap_or_default();
        let key = (practice.id.clone(), is_code);
        let known = lock(&self.texts).get(&key).cloned();
        if let Some((was, from, made)) = known
            && was == account
            && from == number
        {
            return Ok(made);
        }
        let sender = match &account.service_sid {
            Some(service) if !is_code => Sender::Service(service.clone()),
            _ => Sender::From(number.clone()),
        };
        let base = practice.settings.public_base.trim_end_matches('/');
        let made = Twilio::new(TwilioOptions {
            base_url: account.base_url.clone(),
            account_sid: account.account_sid.clone(),
            auth_token: account.auth_token.clone().into(),
            sender,
            status_callback: Some(format!("{base}/webhooks/twilio/{}/status", practice.slug)),
            timeout_ms: self.timeout_ms,
        });
        let made = made.map_err(|_| fault())?;
        lock(&self.texts).insert(key, (account, number, made.clone()));
        Ok(made)
    }

    /// Where a call comes from, and who is asked for its words.
    fn plan(practice: &Practice, call: &CallMessage) -> Result<CallPlan, ChannelError> {
        let fault = || ChannelError::refused(RefusalCause::SenderFault);
        let base = practice.settings.public_base.trim_end_matches('/');
        let hooks = format!("{base}/webhooks/twilio/{}", practice.slug);
        Ok(CallPlan {
            from_e164: practice.settings.text_number.clone().ok_or_else(fault)?,
            words_url: format!("{hooks}/call/{}", call.message_id),
            status_callback: format!("{hooks}/call-status"),
        })
    }

    async fn faxes(&self, practice: &Practice) -> Result<Interfax, ChannelError> {
        let fault = || ChannelError::refused(RefusalCause::SenderFault);
        let account = {
            let mut db = self.store.read().await.map_err(|_| busy())?;
            store::sender::load_faxes(&mut db, &practice.id).await.map_err(|_| fault())?
        };
        let account = account.ok_or_else(fault)?;
        let known = lock(&self.faxes).get(&practice.id).cloned();
        if let Some((was, made)) = known
            && was == account
        {
            return Ok(made);
        }
        let made = interfax(&account, self.timeout_ms).map_err(|_| fault())?;
        lock(&self.faxes).insert(practice.id.clone(), (account, made.clone()));
        Ok(made)
    }

    async fn mail(&self, practice: &Practice) -> Result<Smtp, ChannelError> {
        let fault = || ChannelError::refused(RefusalCause::SenderFault);
        let server = {
            let mut db = self.store.read().await.map_err(|_| busy())?;
            store::sender::load_mail(&mut db, &practice.id).await.map_err(|_| fault())?
        };
        let server = server.ok_or_else(fault)?;
        let known = lock(&self.mail).get(&practice.id).cloned();
        if let Some((was, made)) = known
            && was == server
        {
            return Ok(made);
        }
        let made = smtp(&server, &practice.settings.email_from_address, self.timeout_ms);
        let made = made.map_err(|_| fault())?;
        lock(&self.mail).insert(practice.id.clone(), (server, made.clone()));
        Ok(made)
    }
}

/// A fax account from its settings; for the set-up's test too.
pub fn interfax(
    account: &FaxAccount,
    timeout_ms: u64,
) -> Result<Interfax, connect::channel::BadOptions> {
    Interfax::new(InterfaxOptions {
        base_url: account.base_url.clone(),
        username: account.username.clone(),
        password: account.password.clone().into(),
        timeout_ms,
    })
}

/// A mail server from its settings; for the set-up's test too.
pub fn smtp(
    server: &MailServer,
    from_address: &str,
    timeout_ms: u64,
) -> Result<Smtp, connect::channel::BadOptions> {
    let domain = from_address.rsplit_once('@').map_or("", |(_, domain)| domain);
    let dkim = match (&server.dkim_selector, &server.dkim_key) {
        (Some(selector), Some(key)) => Some(Dkim {
            selector: selector.clone(),
            domain: domain.to_owned(),
            private_key: key.clone().into(),
            algorithm: if key.contains("RSA") {
                DkimAlgorithm::Rsa
            } else {
                DkimAlgorithm::Ed25519
            },
        }),
        _ => None,
    };
    Smtp::new(SmtpOptions {
        host: server.host.clone(),
        port: server.port,
        tls: match server.tls.as_str() {
            "none" => SmtpTls::None,
            "implicit" => SmtpTls::Implicit,
            _ => SmtpTls::StartTls,
        },
        username: server.username.clone(),
        password: server.password.clone().map(Into::into),
        dkim,
        timeout_ms,
        hello_name: HELLO_NAME.into(),
    })
}

/// Our own database did not answer: nothing was sent.
fn busy() -> ChannelError {
    ChannelError::Retry { code: None, after_ms: None }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // A panic elsewhere leaves a map of whole entries.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Channels for PracticeChannels {
    fn send_text<'a>(
        &'a self,
        practice: &'a Practice,
        permit: SendPermit,
        now: UnixMs,
        message: &'a TextMessage,
    ) -> BoxFuture<'a, Result<Accepted, ChannelError>> {
        Box::pin(async move {
            let account = self.texts(practice, permit.class()).await?;
            account.send_text(permit, now, message).await
        })
    }

    fn find_text<'a>(
        &'a self,
        practice: &'a Practice,
        class: Class,
        message: &'a TextMessage,
    ) -> BoxFuture<'a, Result<Option<Found>, ChannelError>> {
        Box::pin(async move {
            let account = self.texts(practice, class).await?;
            // The vendor's clock is the real one, the sandbox's is the demo's: back from the earlier.
            let since = real_now().min(self.world.now()).minus_ms(LOOK_BACK_MS);
            let sent = account.find_sent(&message.to_e164, Some(&message.body), since).await?;
            Ok(sent.into_iter().next().map(|sent| Found {
                provider_id: sent.provider_id,
                status: sent.status,
                code: sent.error_code,
                segments: sent.segments,
            }))
        })
    }

    fn place_call<'a>(
        &'a self,
        practice: &'a Practice,
        permit: SendPermit,
        now: UnixMs,
        call: &'a CallMessage,
    ) -> BoxFuture<'a, Result<Accepted, ChannelError>> {
        Box::pin(async move {
            let plan = Self::plan(practice, call)?;
            let account = self.texts(practice, permit.class()).await?;
            account.place_call(permit, now, call, &plan).await
        })
    }

    fn find_calls<'a>(
        &'a self,
        practice: &'a Practice,
        call: &'a CallMessage,
    ) -> BoxFuture<'a, Result<Vec<Found>, ChannelError>> {
        Box::pin(async move {
            let plan = Self::plan(practice, call)?;
            let account = self.texts(practice, Class::Dunning).await?;
            let placed = account.find_calls(&call.to_e164, &plan.from_e164, call.since).await?;
            let found = placed.into_iter().map(|call| Found {
                provider_id: call.provider_id,
                status: call.status,
                code: None,
                segments: 1,
            });
            Ok(found.collect())
        })
    }

    fn send_fax<'a>(
        &'a self,
        practice: &'a Practice,
        permit: SendPermit,
        now: UnixMs,
        fax: &'a FaxMessage,
    ) -> BoxFuture<'a, Result<Accepted, ChannelError>> {
        Box::pin(async move { self.faxes(practice).await?.send_fax(permit, now, fax).await })
    }

    fn find_fax<'a>(
        &'a self,
        practice: &'a Practice,
        reference: &'a str,
    ) -> BoxFuture<'a, Result<Option<Found>, ChannelError>> {
        Box::pin(async move {
            let found = self.faxes(practice).await?.find_sent(reference).await?;
            Ok(found.map(|fax| Found {
                provider_id: fax.provider_id,
                status: fax.status,
                code: Some(fax.code),
                segments: 1,
            }))
        })
    }

    fn load_fax<'a>(
        &'a self,
        practice: &'a Practice,
        provider_id: &'a str,
    ) -> BoxFuture<'a, Result<DeliveryReport, ChannelError>> {
        Box::pin(async move {
            let FaxReport { provider_id, status, code, cause } =
                self.faxes(practice).await?.load(provider_id).await?;
            let word = format!("fax {}", status.as_str());
            Ok(DeliveryReport { provider_id, status, word, code: Some(code), cause })
        })
    }

    fn send_email<'a>(
        &'a self,
        practice: &'a Practice,
        permit: SendPermit,
        now: UnixMs,
        message: &'a EmailMessage,
    ) -> BoxFuture<'a, Result<Accepted, ChannelError>> {
        Box::pin(async move { self.mail(practice).await?.send_email(permit, now, message).await })
    }
}
