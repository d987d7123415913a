import createClient from "openapi-fetch";
import type { components, paths } from "./schema.js";

export type Api = ReturnType<typeof connect>;
export type Product = components["schemas"]["Product"];
export type Problem = components["schemas"]["Problem"];

/** `authorization` is asked for each request: `Bearer TOKEN` of the person, on a server also `Api-Key KEY`. */
export function connect(baseUrl: string, authorization: () => string) {
  const api = createClient<paths>({ baseUrl });
  api.use({
    onRequest({ request }) {
      request.headers.set("Authorization", authorization());
      return request;
    },
  });
  return api;
}

/** A refused request. `problem.code` is stable, for programs; `problem.detail` is for people. */
export class ApiError extends Error {
  constructor(readonly problem: Problem) {
    super(problem.detail || problem.title);
  }

  /** What is wrong with one field of the input, such as `/variants/0/price`. */
  at(pointer: string): string | undefined {
    return this.problem.errors.find((error) => error.pointer === pointer)?.detail;
  }
}

/** The data of an answer; throws an `ApiError` if there is none. */
export function dataOf<Data>(answer: { data?: Data; error?: Problem | undefined }): Data {
  if (answer.error !== undefined) throw new ApiError(answer.error);
  return answer.data as Data;
}
