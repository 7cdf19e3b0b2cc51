//! `POST /staff/settings/connections/{vendor}`: an account is tried, then stored sealed.

use actix_web::{HttpRequest, web};
use app::{
    components::Errors,
    pages::staff::{Typed, Vendor},
};
use domain::staff::Permission;
use store::{
    merchant::Merchant,
    sender::{FaxAccount, MailServer, TextAccount},
};

use super::choose_language::see_other;
use crate::{
    failure::{Answer, Failure},
    form::Posted,
    house::House,
    pages::staff::settings,
    session::Staff,
    settings_form, vendors,
    workspace::base_of,
};

/// A vendor account that answered.
#[derive(Clone)]
pub enum Account {
    Stripe(Merchant),
    Smtp(MailServer),
    /// The key of its events.
    MailEvents(String),
    Twilio(TextAccount),
    Interfax(FaxAccount),
}

impl Account {
    const fn vendor(&self) -> Vendor {
        match self {
            Self::Stripe(_) => Vendor::Stripe,
            Self::Smtp(_) => Vendor::Smtp,
            Self::MailEvents(_) => Vendor::MailEvents,
            Self::Twilio(_) => Vendor::Twilio,
            Self::Interfax(_) => Vendor::Interfax,
        }
    }
}

pub async fn post(
    request: HttpRequest,
    house: web::Data<House>,
    staff: Staff,
    slug: web::Path<String>,
    posted: Posted,
) -> Answer {
    staff.require(&house, Permission::ManageSettings).await?;
    let vendor = Vendor::from_slug(&slug).ok_or(Failure::NotFound)?;
    house.limits.sign_ins.check(staff.visit.address())?;
    let base = base_of(&house, &staff.practice, &request);
    let from = &staff.practice.settings.email_from_address;
    let tried = match vendor {
        Vendor::Stripe => vendors::try_stripe(&house, &staff.practice, &posted, &base)
            .await?
            .map(|shop| Account::Stripe(shop.merchant)),
        Vendor::Smtp => vendors::try_mail(&house, &posted, from).await?.map(Account::Smtp),
        Vendor::MailEvents => vendors::try_mail_events(&posted).map(Account::MailEvents),
        Vendor::Twilio => vendors::try_texts(&house, &posted).await?.map(Account::Twilio),
        Vendor::Interfax => vendors::try_faxes(&house, &posted).await?.map(Account::Interfax),
    };
    let account = match tried {
        Ok(account) => account,
        Err(unfit) => {
            let typed: Typed = settings_form::typed(&posted);
            let errors: Errors = unfit.errors();
            return settings::connections_again(&house, &staff, &request, (vendor, typed, errors))
                .await;
        }
    };
    store_account(&house, &staff, account).await?;
    staff.visit.say(match vendor {
        Vendor::MailEvents => "The key was stored.",
        _ => "The account answered and was stored.",
    });
    Ok(see_other("/staff/settings/connections"))
}

/// Stores it sealed; another mail server asks for a new test.
pub async fn store_account(house: &House, staff: &Staff, account: Account) -> Result<(), Failure> {
    let (practice, world) = (staff.practice.id.clone(), house.world.clone());
    let slug = account.vendor().slug();
    let entry = staff.entry("connection_stored", "connection", slug);
    let now = house.world.now();
    let written = house.store.write(move |db| {
        let (practice, world) = (practice.clone(), world.clone());
        let (account, entry) = (account.clone(), entry.clone());
        Box::pin(async move {
            match &account {
                Account::Stripe(merchant) => {
                    store::merchant::mark(db, &practice, merchant, now).await?;
                }
                Account::Twilio(texts) => {
                    store::sender::mark_texts(db, &practice, texts, now).await?;
                }
                Account::MailEvents(key) => {
                    store::sender::mark_mail_events(db, &practice, key, now).await?;
                }
                Account::Interfax(faxes) => {
                    store::sender::mark_faxes(db, &practice, faxes, now).await?;
                }
                Account::Smtp(mail) => {
                    store::sender::mark_mail(db, &practice, mail, now).await?;
                    store::setup::mark_email_tested(db, &practice, None).await?;
                }
            }
            store::audit::insert(db, &world, &entry).await
        })
    });
    written.await?;
    house.bell.notify_one();
    Ok(())
}
