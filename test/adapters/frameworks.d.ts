/** The older majors, installed under names of their own: the types of the newer ones fit what the tests use. */
declare module "express4" {
  export { default } from "express";
}

declare module "koa2" {
  export { default } from "koa";
}
