import createClient from "openapi-fetch";
import type { components, paths } from "./schema.js";

export type Api = ReturnType<typeof connect>;
export type Product = components["schemas"]["Product"];
export type Problem = components["schemas"]["Problem"];

interface Page<Row> {
  next: string | null;
  results: Row[];
}

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

/** The data of an answer. Throws an `ApiError`, or an `Error` if it is no problem but, say, the page of a proxy. */
export function dataOf<Data>(answer: { data?: Data; error?: Problem | undefined; response: Response }): Data {
  if (answer.response.ok) return answer.data as Data;
  if (answer.error?.code) throw new ApiError(answer.error);
  throw new Error(`The server has answered ${answer.response.status}.`);
}

/** All rows of a list; `get` requests the page that it is called with. */
export async function* everyRow<Row>(get: (page: { cursor?: string }) => Promise<Page<Row>>): AsyncGenerator<Row> {
  let page = await get({});
  yield* page.results;
  while (page.next !== null) {
    page = await get({ cursor: new URL(page.next).searchParams.get("cursor") ?? "" });
    yield* page.results;
  }
}
