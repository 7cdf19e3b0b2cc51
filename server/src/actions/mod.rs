//! Handlers that answer POST, one file per verb and noun. Each answers 303 on success and 422 with
//! the form and what was typed on refusal.

pub mod accept_invitation;
pub mod add_account;
pub mod apply_payment;
pub mod ask_question;
pub mod buy_number;
pub mod cancel_payment;
pub mod change_own_account;
pub mod change_preferences;
pub mod change_role;
pub mod check_message;
pub mod choose_language;
pub mod confirm_email;
pub mod connect_vendor;
pub mod create_account;
pub mod import_file;
pub mod invite_staff;
pub mod make_api_key;
pub mod mark_posted;
pub mod pay_visits;
pub mod prove_contact;
pub mod refund_payment;
pub mod report_not_me;
pub mod reset_password;
pub mod save_settings;
pub mod send_new_link;
pub mod send_statements;
pub mod set_up;
pub mod set_up_account;
pub mod sign_in;
pub mod staff_sign_in;
pub mod submit_payment;
pub mod undo_payment;
pub mod unsubscribe;
pub mod use_office_code;
