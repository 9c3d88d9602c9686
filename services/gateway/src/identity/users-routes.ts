import {
  AppError,
  commonErrors,
  idField,
  idParams,
  list,
  ok,
  pageQuery,
  requestContext,
  success,
  timestamp,
  validationError,
  type ServiceApp,
} from '@tributary/http-kit';
import {
  ACCOUNT_STATUSES,
  constraintName,
  USER_ROLES,
  type Database,
  type UserRole,
} from '@tributary/schema';
import { z } from 'zod';
import { errors } from '../errors.ts';
import { hashPassword } from './passwords.ts';
import { listRows } from './listed-rows.ts';
import { createUser, deleteUser, findUser, updateUser, USER_LIST } from './users-store.ts';

const fields = {
  email: z.string().trim().max(254).pipe(z.email()),
  name: z.string().trim().min(1).max(200),
  role: z.enum(USER_ROLES),
  partnerId: idField.nullable(),
  password: z.string().min(12).max(200),
};

const userSchema = z.object({
  id: z.string(),
  email: z.string(),
  name: z.string(),
  role: z.enum(USER_ROLES),
  partnerId: z.string().nullable(),
  status: z.enum(ACCOUNT_STATUSES),
  createdAt: timestamp,
  updatedAt: timestamp,
  lastLoginAt: timestamp.nullable(),
});

/** Looked at whatever else is wrong, as far as both are well said, so that one answer names all faults. */
const roleAndPartner = z.object({ role: fields.role, partnerId: fields.partnerId });

function fitsPartner(body: unknown): boolean {
  const said = roleAndPartner.safeParse(body);
  return !said.success || partnerFault(said.data.role, said.data.partnerId) === undefined;
}

const partnerRule = {
  path: ['partnerId'],
  when: () => true,
  error: ({ input }: { readonly input?: unknown }) => {
    const { role, partnerId } = roleAndPartner.parse(input);
    return partnerFault(role, partnerId);
  },
};

const newUserSchema = z
  .strictObject({ ...fields, partnerId: fields.partnerId.default(null) })
  .refine((user) => fitsPartner(user), partnerRule);
const changeSchema = z
  .strictObject({ ...fields, status: z.enum(ACCOUNT_STATUSES) })
  .partial()
  .refine((change) => Object.keys(change).length > 0, 'name at least one field to change')
  .refine((change) => fitsPartner(change), partnerRule);

const listQuery = z.strictObject(
  pageQuery({ sort: ['createdAt', 'email', 'name'], defaultSort: '-createdAt' }),
);

interface UserRouteDeps {
  readonly db: Pick<Database, 'query'>;
}

/** Users, for super admins. */
export function registerUserRoutes(app: ServiceApp, deps: UserRouteDeps): void {
  registerReading(app, deps);
  registerCreation(app, deps);
  registerChange(app, deps);
  registerDeletion(app, deps);
}

function registerReading(app: ServiceApp, { db }: UserRouteDeps): void {
  app.route({
    method: 'GET',
    url: '/users',
    schema: {
      querystring: listQuery,
      response: { 200: list(userSchema) },
    },
    config: { operationId: 'listUsers', summary: 'List users', scope: 'identity:write' },
    async handler({ query, identity: { programId } }) {
      const { rows, meta } = await listRows(db, USER_LIST, { ...query, programId });
      return { success: true as const, data: rows, meta };
    },
  });

  app.route({
    method: 'GET',
    url: '/users/:id',
    schema: { params: idParams, response: { 200: success(userSchema) } },
    config: {
      operationId: 'getUser',
      summary: 'Get a user',
      scope: 'identity:write',
      errors: [errors.USER_NOT_FOUND],
    },
    async handler(request) {
      return ok(await getUser(db, request.identity.programId, request.params.id));
    },
  });
}

function registerCreation(app: ServiceApp, { db }: UserRouteDeps): void {
  app.route({
    method: 'POST',
    url: '/users',
    schema: { body: newUserSchema, response: { 201: success(userSchema) } },
    config: {
      operationId: 'createUser',
      summary: 'Create a user',
      scope: 'identity:write',
      errors: [errors.USER_EMAIL_TAKEN, errors.PARTNER_NOT_FOUND],
    },
    async handler(request, reply) {
      const { password, ...body } = request.body;
      const input = { ...body, passwordHash: await hashPassword(password) };
      const user = await namingConflicts(createUser(db, requestContext(request), input));
      return reply.code(201).send(ok(user));
    },
  });
}

function registerChange(app: ServiceApp, { db }: UserRouteDeps): void {
  app.route({
    method: 'PATCH',
    url: '/users/:id',
    schema: { params: idParams, body: changeSchema, response: { 200: success(userSchema) } },
    config: {
      operationId: 'updateUser',
      summary: 'Change a user; a new role, status or password ends its sessions',
      scope: 'identity:write',
      errors: [errors.USER_NOT_FOUND, errors.USER_EMAIL_TAKEN, errors.USER_IS_SELF, errors.PARTNER_NOT_FOUND],
    },
    async handler(request) {
      const context = requestContext(request);
      const before = await getUser(db, context.programId, request.params.id);
      const { password, ...named } = request.body;
      const role = named.role ?? before.role;
      const status = named.status ?? before.status;
      const partnerId = named.partnerId === undefined ? before.partnerId : named.partnerId;
      const fault = partnerFault(role, partnerId);
      if (fault !== undefined) throw validationError([{ path: 'partnerId', message: fault }]);
      if (before.role !== role || before.status !== status) assertNotSelf(context.actor.id, before.id);
      const passwordHash = password === undefined ? undefined : await hashPassword(password);
      const { email = before.email, name = before.name } = named;
      const change = { email, name, role, partnerId, status, passwordHash };
      const user = await namingConflicts(updateUser(db, context, before, change));
      if (user === undefined)
        throw new AppError(commonErrors.CONCURRENT_CHANGE, 'Read the user again and retry');
      return ok(user);
    },
  });
}

function registerDeletion(app: ServiceApp, { db }: UserRouteDeps): void {
  app.route({
    method: 'DELETE',
    url: '/users/:id',
    schema: { params: idParams, response: { 200: success(z.null()) } },
    config: {
      operationId: 'deleteUser',
      summary: 'Delete a user; what it did stays in the audit trail under its name',
      scope: 'identity:write',
      errors: [errors.USER_NOT_FOUND, errors.USER_IS_SELF, errors.USER_IS_EXTERNAL],
    },
    async handler(request) {
      const context = requestContext(request);
      assertNotSelf(context.actor.id, request.params.id);
      if (await deleteUser(db, context, request.params.id)) return ok(null);
      const { name } = await getUser(db, context.programId, request.params.id);
      const detail = `The identity provider would bring ${name} back; disable the user instead`;
      throw new AppError(errors.USER_IS_EXTERNAL, detail);
    },
  });
}

const userNotFound = (id: string) => new AppError(errors.USER_NOT_FOUND, `There is no user ${id}`);

async function getUser(db: UserRouteDeps['db'], programId: string, id: string) {
  const user = await findUser(db, programId, id);
  if (user === undefined) throw userNotFound(id);
  return user;
}

function partnerFault(role: UserRole, partnerId: string | null): string | undefined {
  if ((role === 'partner') === (partnerId !== null)) return undefined;
  return role === 'partner' ? 'is needed for the role partner' : `does not go with the role ${role}`;
}

/** Else the last super_admin could lock everybody out. */
function assertNotSelf(actorId: string | null, userId: string): void {
  if (actorId === userId) throw new AppError(errors.USER_IS_SELF, 'Another super admin has to do this');
}

async function namingConflicts<Result>(change: Promise<Result>): Promise<Result> {
  try {
    return await change;
  } catch (error) {
    const constraint = constraintName(error);
    if (constraint === 'users_email_key')
      throw new AppError(errors.USER_EMAIL_TAKEN, 'Choose another address', { cause: error });
    if (constraint === 'users_partner_id_fkey')
      throw new AppError(errors.PARTNER_NOT_FOUND, 'There is no such partner', { cause: error });
    throw error;
  }
}
